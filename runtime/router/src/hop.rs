//! One call to another module: deadline, connection, request, and what the answer means.

use std::sync::Arc;

use squall_platform::Platform;
use tokio::time::{Instant, timeout_at};

use crate::message::after;
use crate::pool::{Connection, Progress};
use crate::scheduler::Shared;
use crate::{Error, Message, Outcome, Payload, TraceContext, classify, events, trace, wire};

/// Sends `message` to `module`, the owner of `node` (or to nobody, when there is none), and waits.
///
/// The deadline is our own timer around everything, dialling included: tonic's covers less, and reads as a
/// cancellation. Spec: router S-32, S-33, appendix A.
pub(crate) async fn send<P: Platform>(
    shared: &Shared<P>,
    module: Option<Arc<str>>,
    node: &str,
    message: Message,
) -> Result<Option<Payload>, Error> {
    let start = Instant::now();
    let own = after(start, message.timeout.unwrap_or(shared.options.call_timeout));
    let deadline = message
        .context
        .deadline
        .map_or(own, |inherited| inherited.min(own));
    let span = trace::new_span(&shared.platform);
    let mut hop = events::Hop::started(&events::HopStarted {
        trace: message.context.trace,
        span,
        parent: message.context.span,
        from: &message.from,
        to: &message.to,
        source_module: &shared.module,
        target_module: module.as_deref().unwrap_or_default(),
        depth: message.context.depth,
        timeout: deadline.saturating_duration_since(start),
        data: &message.data,
    });
    let result = match module {
        None => Err(Error::NoModule { node: node.into() }),
        Some(module) if deadline <= start => Err(Error::Timeout {
            module,
            outcome: Outcome::Failed,
        }),
        Some(module) => {
            let progress = Arc::new(Progress::default());
            let call = transmit(shared, &module, &message, span, deadline, &progress, &mut hop);
            let result = timeout_at(deadline, call).await;
            let result = result.unwrap_or_else(|_| {
                Err(Error::Timeout {
                    module: Arc::clone(&module),
                    outcome: progress.outcome_if_lost(),
                })
            });
            if matches!(result, Ok(_) | Err(Error::Remote(_))) {
                events::message_sent(&message, &module, start.elapsed());
            }
            result
        }
    };
    hop.ended(&result);
    result
}

async fn transmit<P: Platform>(
    shared: &Shared<P>,
    module: &Arc<str>,
    message: &Message,
    span: u64,
    deadline: Instant,
    progress: &Arc<Progress>,
    hop: &mut events::Hop,
) -> Result<Option<Payload>, Error> {
    let connection = connect(shared, module).await?;
    hop.peer(connection.peer());

    let trace = TraceContext {
        trace: message.context.trace,
        span,
    };
    let remaining = deadline.saturating_duration_since(Instant::now());
    let request = wire::request(message, trace, remaining);
    wire::check_size(&request, shared.options.max_message_bytes)?;
    let mut client = connection
        .client(Arc::clone(progress))
        .max_decoding_message_size(shared.options.max_message_bytes);
    match client.send(request).await {
        Ok(response) => wire::answer(response),
        Err(status) => Err(classify::failure(&status, progress, module)),
    }
}

/// A connection to one of the endpoints that `module` has now: when they change while one is dialled, the new
/// ones are tried. Nothing was sent by then.
async fn connect<P: Platform>(shared: &Shared<P>, module: &Arc<str>) -> Result<Connection, Error> {
    loop {
        let peer = shared.peer(module).ok_or_else(|| Error::NotDiscovered {
            module: Arc::clone(module),
        })?;
        match peer.connection().await {
            Ok(connection) => return Ok(connection),
            Err(_) if shared.has_moved(module, &peer) => {}
            Err(refusal) => {
                return Err(Error::Unavailable {
                    module: Arc::clone(module),
                    cause: refusal.cause(),
                    outcome: Outcome::Failed,
                });
            }
        }
    }
}
