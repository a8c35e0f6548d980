//! One call to another module: deadline, connection, request, and the meaning of the response.

use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{Again, Progress};
use squall_platform::Platform;
use squall_proto::Bulk;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;

use crate::message::after;
use crate::metrics::Attempt;
use crate::pool::{Counted, Lease};
use crate::scheduler::{Limits, Shared};
use crate::{
    Error, Kind, Message, Method, Outcome, Payload, RemoteError, TraceContext, classify, events, trace, wire,
};

/// The interval of checks while a call waits for a connection, if no time for it is known.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The state that the attempts at one message leave behind.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// The span of the latest hop; 0 when there was none.
    previous: u64,
    /// Whether the latest attempt was a hop: then the transport's report is about this message.
    crossed: bool,
    /// Whether a component here may have begun with it.
    handled: bool,
}

impl Trail {
    /// Starts another attempt.
    pub(crate) fn begin(&mut self) {
        self.crossed = false;
    }

    /// The message is passed to a component here.
    pub(crate) fn handle(&mut self) {
        self.handled = true;
    }

    pub(crate) fn crossed(&self) -> bool {
        self.crossed
    }

    pub(crate) fn handled(&self) -> bool {
        self.handled
    }
}

/// Sends `message` to `module`, the owner of `node` (`None`: no owner is known), and waits.
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
    let mut attempt = shared
        .metrics
        .attempt(module.as_deref().unwrap_or_default(), start);
    let result = match module {
        None => Err(Error::NoModule { node: node.into() }),
        Some(module) if deadline <= start => Err(Error::Timeout {
            module,
            outcome: Outcome::Failed,
        }),
        Some(module) => {
            let progress = Arc::new(Progress::default());
            let seen = Seen {
                hop: &mut hop,
                attempt: &mut attempt,
            };
            let call = transmit(shared, &module, &message, span, deadline, &progress, seen);
            let timed_out = || Error::Timeout {
                module: Arc::clone(&module),
                outcome: progress.outcome_if_lost(),
            };
            let result = match timeout_at(deadline, call).await {
                Err(_) => Err(timed_out()),
                // The deadline travels: the callee's timeout may arrive before ours.
                Ok(Err(error)) if error.kind() == Kind::UpstreamTimeout && Instant::now() >= deadline => {
                    Err(timed_out())
                }
                Ok(result) => result,
            };
            if matches!(result, Ok(_) | Err(Error::Remote(_))) {
                events::message_sent(&message, &module, start.elapsed());
            }
            result
        }
    };
    hop.ended(&result);
    attempt.ended(&result);
    result
}

/// The fields of an attempt in events and metrics.
struct Seen<'a> {
    hop: &'a mut events::Hop,
    attempt: &'a mut Attempt,
}

impl Seen<'_> {
    fn reaches_transport(&mut self) {
        self.hop.reaches_transport();
        self.attempt.reaches_transport();
    }
}

/// One attempt. It is handled at most once, but may take several connections, or two methods. All but the last
/// certainly reached no handler.
async fn transmit<P: Platform>(
    shared: &Shared<P>,
    module: &Arc<str>,
    message: &Message,
    span: u64,
    deadline: Instant,
    progress: &Arc<Progress>,
    mut seen: Seen<'_>,
) -> Result<Option<Payload>, Error> {
    let trace = TraceContext {
        trace: message.context.trace,
        span,
    };
    let exchange = Exchange {
        limit: shared.options.max_message_bytes,
        module,
        message,
        trace,
        deadline,
        progress,
    };
    let mut again = Again::default();
    loop {
        let (_counted, lease) = connect(shared, module, message.wait_for_ready, &mut seen).await?;
        seen.hop.peer(lease.connection().peer());
        match exchange.on(&lease, &mut again).await {
            Attempted::Again => {}
            // It was on its way when the peer began to shut down, and was refused: no handler has seen it.
            Attempted::Done(Err(Error::Remote(refusal)))
                if was_refused(&refusal, module) && again.permits_refused(progress) => {}
            Attempted::Done(result) => return result,
        }
    }
}

/// The result of a request on one connection.
enum Attempted {
    Done(Result<Option<Payload>, Error>),
    /// Certainly no handler has seen it: it must be sent again.
    Again,
}

/// Whether `module` itself reports that it is shutting down, and has not processed the request. Its components may
/// get the same error from calls that come back to it.
fn was_refused(refusal: &RemoteError, module: &str) -> bool {
    refusal.kind == Kind::Shutdown && !refusal.handled && refusal.origin == module
}

/// Sends a request and receives its response.
struct Exchange<'a> {
    limit: usize,
    module: &'a Arc<str>,
    message: &'a Message,
    trace: TraceContext,
    deadline: Instant,
    progress: &'a Arc<Progress>,
}

impl Exchange<'_> {
    /// By the known method of the peer, or by `Send` to find out.
    async fn on<P: Platform>(&self, lease: &Lease<P>, again: &mut Again) -> Attempted {
        if lease.method() == Method::Send {
            let request = wire::send::request(self.message, self.trace, self.remaining());
            if let Err(error) = wire::check_size(&request, self.limit) {
                return Attempted::Done(Err(error));
            }
            let mut request = tonic::Request::new(request);
            wire::set_timeout(request.metadata_mut(), self.remaining());
            match self.call(lease, Method::Send, request).await {
                Ok(response) => {
                    lease.has_send();
                    return Attempted::Done(wire::send::answer(response));
                }
                Err(status) if again.permits(&status, self.progress) => return Attempted::Again,
                // No handler has run: the other method may work. Spec: router 2.3 point 5.
                Err(status)
                    if lease.may_lack_send() && classify::is_missing_method(&status, self.progress) =>
                {
                    lease.lacks_send();
                    self.progress.restart();
                }
                Err(status) => return Attempted::Done(Err(self.failure(&status, Method::Send))),
            }
        }
        let request =
            wire::message::request(self.message, self.trace, self.remaining()).and_then(|request| {
                wire::check_size(request.get_ref(), self.limit)?;
                Ok(request)
            });
        let request = match request {
            Ok(request) => request,
            Err(error) => return Attempted::Done(Err(error)),
        };
        match self.call(lease, Method::Message, request).await {
            Ok(response) => Attempted::Done(wire::message::answer(response)),
            Err(status) if again.permits(&status, self.progress) => Attempted::Again,
            Err(status) => Attempted::Done(Err(self.failure(&status, Method::Message))),
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    async fn call<P, Q, A>(
        &self,
        lease: &Lease<P>,
        method: Method,
        request: tonic::Request<Q>,
    ) -> Result<tonic::Response<A>, Status>
    where
        P: Platform,
        Q: Bulk,
        A: prost::Message + Default,
    {
        let connection = lease.connection();
        connection
            .call(method, request, self.deadline, self.limit, self.progress)
            .await
    }

    fn failure(&self, status: &Status, method: Method) -> Error {
        classify::failure(status, self.progress, self.module, method)
    }
}

/// A connection for one call, with the call counted.
async fn connect<P: Platform>(
    shared: &Shared<P>,
    module: &Arc<str>,
    wait_for_ready: bool,
    seen: &mut Seen<'_>,
) -> Result<(Counted, Lease<P>), Error> {
    loop {
        // Looked up again in each round, because its endpoints may have changed.
        let peer = shared.peer(module).ok_or_else(|| Error::NotDiscovered {
            module: Arc::clone(module),
        })?;
        let counted = peer.admit(shared.options.max_in_flight_per_peer)?;
        let connection = async {
            let way = peer.way()?;
            seen.reaches_transport();
            way.lease().await
        };
        let refusal = match connection.await {
            Ok(lease) => return Ok((counted, lease)),
            // The endpoints changed during the dial: the new ones are tried. Nothing has been sent so far.
            Err(_) if shared.has_moved(module, &peer) => continue,
            Err(refusal) => refusal,
        };
        if !wait_for_ready {
            return Err(Error::Unavailable {
                module: Arc::clone(module),
                cause: refusal.cause(),
                outcome: Outcome::Failed,
            });
        }
        let again = Instant::now() + LOOK_AGAIN;
        sleep_until(refusal.retry_at().unwrap_or(again)).await;
    }
}
