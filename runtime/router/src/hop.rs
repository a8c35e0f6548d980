//! One call to another module: deadline, connection, request, and what the answer means.

use std::sync::Arc;

use squall_platform::Platform;
use tokio::time::{Instant, timeout_at};

use crate::message::after;
use crate::pool::Progress;
use crate::scheduler::{Limits, Shared};
use crate::{Error, Message, Outcome, Payload, TraceContext, classify, events, trace, wire};

/// What the attempts at one message leave behind.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// The span of the latest hop; 0 when there was none.
    previous: u64,
    /// Whether the latest attempt was a hop: then what the transport says of it is about this message.
    pub(crate) crossed: bool,
}

/// Sends `message` to `module`, the owner of `node` (or to nobody, when there is none), and waits.
///
/// The deadline is our own timer around everything, dialling included: tonic's covers less, and reads as a
/// cancellation. Spec: router S-32, S-33, appendix A.
pub(crate) async fn send<P: Platform>(
    shared: &Shared<P>,
    module: Option<Arc<str>>,
    node: &str,
    message: Message,
    limits: Limits,
    trail: &mut Trail,
) -> Result<Option<Payload>, Error> {
    let start = Instant::now();
    let usual = || after(start, shared.call_timeout(module.as_deref().unwrap_or_default()));
    let own = limits.own.unwrap_or_else(usual);
    let deadline = limits.inherited.map_or(own, |inherited| inherited.min(own));
    let span = trace::new_span(&shared.platform);
    let previous = std::mem::replace(&mut trail.previous, span);
    trail.crossed = true;
    let mut hop = events::Hop::started(&events::HopStarted {
        trace: message.context.trace,
        span,
        parent: message.context.span,
        from: &message.from,
        to: &message.to,
        source_module: &shared.module,
        target_module: module.as_deref().unwrap_or_default(),
        depth: message.context.depth,
        retries: message.context.retries,
        previous,
        key: message.context.key.as_deref(),
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
    let peer = shared.peer(module).ok_or_else(|| Error::NotDiscovered {
        module: Arc::clone(module),
    })?;
    let connection = peer.connection().await.map_err(|refusal| Error::Unavailable {
        module: Arc::clone(module),
        cause: refusal.cause(),
        outcome: Outcome::Failed,
    })?;
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
