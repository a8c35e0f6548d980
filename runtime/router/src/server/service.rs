//! Routes requests by path, and refuses those that must not be processed. Spec: router 2.3, 5.2.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use squall_grpc::unary::{self, ReplyBody};
use squall_grpc::{Answer, Incoming, Refusal, Standard, refuse};
use squall_platform::Platform;
use squall_proto::Bulk;
use squall_proto::module::module_service_server::SERVICE_NAME;
use squall_proto::module::{self as proto, FILE_DESCRIPTOR_SET};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::lifecycle::{Lifecycle, Phase};
use crate::wire::{Raised, Reply};
use crate::{Destination, Error, Message, Method, Outcome, Payload, Scheduler, events, unwind, wire};

const SEND: &str = Method::Send.path();
/// The path of clients that were compiled from the documentation's snippet, which has no package line. Spec: router
/// 2.3 point 2.
const SEND_WITHOUT_PACKAGE: &str = "/ModuleService/Send";
const MESSAGE: &str = Method::Message.path();

/// Serves the requests of all connections. Clones share it.
pub(super) struct Service<P: Platform>(Arc<Serving<P>>);

struct Serving<P: Platform> {
    scheduler: Scheduler<P>,
    lifecycle: Arc<Lifecycle>,
    standard: Standard,
}

impl<P: Platform> Service<P> {
    pub(super) fn new(scheduler: Scheduler<P>, lifecycle: Arc<Lifecycle>) -> Self {
        Service(Arc::new(Serving {
            scheduler,
            lifecycle,
            standard: Standard::new(SERVICE_NAME, FILE_DESCRIPTOR_SET),
        }))
    }

    pub(super) fn standard(&self) -> &Standard {
        &self.0.standard
    }

    /// Resolves when the peer is to leave a connection that is opened now; `None` when that never happens.
    pub(super) fn going_away(&self) -> Option<impl Future<Output = ()> + Send + use<P>> {
        let shared = self.0.scheduler.shared();
        let age = shared.options.max_connection_age.map(|age| {
            // Randomised, so that connections that were opened at the same time are not all renewed at the same time.
            let spread = u64::try_from((age / 5).as_nanos()).unwrap_or(u64::MAX);
            let share = Duration::from_nanos(shared.platform.random_u64() % spread.max(1));
            (age - age / 10).saturating_add(share)
        });
        if age.is_none() && !self.0.lifecycle.is_drainable() {
            return None;
        }
        let lifecycle = Arc::clone(&self.0.lifecycle);
        Some(async move {
            let old = async {
                match age {
                    Some(age) => tokio::time::sleep(age).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = lifecycle.entered(Phase::GoingAway) => {}
                () = old => {}
            }
        })
    }
}

impl<P: Platform> Clone for Service<P> {
    fn clone(&self) -> Self {
        Service(Arc::clone(&self.0))
    }
}

impl<P: Platform> squall_grpc::Service for Service<P> {
    fn call(&self, request: Request<Incoming>) -> Answer {
        if let Some(refused) = refuse(&request) {
            return Box::pin(ready(refused));
        }
        let serving = Arc::clone(&self.0);
        match request.uri().path() {
            SEND | SEND_WITHOUT_PACKAGE => Box::pin(async move { serving.unary::<BySend>(request).await }),
            MESSAGE => Box::pin(async move { serving.unary::<ByMessage>(request).await }),
            path if Standard::serves(path) => {
                Box::pin(async move { serving.standard.call(request).await.map(ReplyBody::Other) })
            }
            path => {
                let status = Status::unimplemented(format!("this server has no method {path}"));
                Box::pin(ready(status.into_http()))
            }
        }
    }
}

/// One of the two methods: decodes its requests and encodes its responses.
trait Rpc: Send + 'static {
    type Request: prost::Message + Default + 'static;
    type Response: Bulk + Default + 'static;

    fn message<P: Platform>(request: tonic::Request<Self::Request>, platform: &P) -> Result<Message, Error>;

    fn reply(
        result: Result<Option<Payload>, Raised>,
        module: &str,
        limit: usize,
    ) -> Result<Reply<Self::Response>, Status>;
}

/// The method `Send`. The name is taken, as is the next one.
struct BySend;

impl Rpc for BySend {
    type Request = proto::Message;
    type Response = proto::Response;

    fn message<P: Platform>(request: tonic::Request<proto::Message>, platform: &P) -> Result<Message, Error> {
        wire::send::message(request, platform)
    }

    fn reply(
        result: Result<Option<Payload>, Raised>,
        module: &str,
        limit: usize,
    ) -> Result<Reply<proto::Response>, Status> {
        Ok(wire::send::reply(result, module, limit))
    }
}

/// The method `Message`.
struct ByMessage;

impl Rpc for ByMessage {
    type Request = proto::MessageRequest;
    type Response = proto::MessageResponse;

    fn message<P: Platform>(
        request: tonic::Request<proto::MessageRequest>,
        platform: &P,
    ) -> Result<Message, Error> {
        wire::message::message(request, platform)
    }

    fn reply(
        result: Result<Option<Payload>, Raised>,
        module: &str,
        limit: usize,
    ) -> Result<Reply<proto::MessageResponse>, Status> {
        wire::message::reply(result, module, limit)
    }
}

impl<P: Platform> Serving<P> {
    async fn unary<R: Rpc>(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let shared = self.scheduler.shared();
        let limit = shared.options.max_message_bytes;
        let arrived = request.body().arrived();
        // Admitted before it is read, because reading takes memory.
        let admitted = self.lifecycle.admit(&shared.module, shared.options.max_in_flight);
        if let Err(refused @ Error::Overload { limit: most, .. }) = admitted {
            // The body is not read either.
            self.overloaded(most);
            return self.response::<R>(Err(Raised::unhandled(refused)));
        }
        let mut request = match unary::request(request, limit).await {
            Ok(request) => request,
            Err(status) => return unary::response::<R::Response>(Err(self.unreadable(status))),
        };
        let _held = request.extensions_mut().remove::<unary::Held>();
        let result = match admitted {
            Err(refused) => Err(Raised::unhandled(refused)),
            Ok(_admitted) => {
                let _request = shared.metrics.request();
                // Boxed: it is large, and a block that awaits what it owns holds it twice.
                let work = unwind::guarded(Box::pin(self.handle::<R>(request, arrived)));
                tokio::select! {
                    biased;
                    result = work => result.unwrap_or_else(|panic| {
                        events::panicked(&shared.module, "", &panic);
                        Err(outside_components(&panic).into())
                    }),
                    () = self.lifecycle.entered(Phase::Cancelling) => Err(self.cancelled().into()),
                }
            }
        };
        self.response::<R>(result)
    }

    fn response<R: Rpc>(&self, result: Result<Option<Payload>, Raised>) -> Response<ReplyBody> {
        let shared = self.scheduler.shared();
        match R::reply(result, &shared.module, shared.options.max_message_bytes) {
            Ok(Reply { answer, trailers }) => unary::with_trailers(answer, trailers),
            Err(status) => unary::response::<R::Response>(Err(status)),
        }
    }

    #[cold]
    fn overloaded(&self, limit: usize) {
        let why = format_args!(
            "a request was refused: {limit} of other modules are in the works, the most that are taken (limit requests)"
        );
        let ledger = self.scheduler.shared().metrics.ledger();
        ledger.refuse(Refusal::InFlight, why);
    }

    /// Adds to the status of an unreadable request that it had no effect.
    fn unreadable(&self, mut status: Status) -> Status {
        let shared = self.scheduler.shared();
        let module = &shared.module;
        // Only the kind is added: the text is that of the status.
        let error = match status.code() {
            // The request took too long to arrive.
            Code::DeadlineExceeded => Error::Timeout {
                module: Arc::clone(module),
                outcome: Outcome::Failed,
            },
            // It may succeed later.
            Code::ResourceExhausted if unary::is_for_want_of_room(&status) => Error::Overload {
                module: Arc::clone(module),
                limit: shared.options.max_in_flight.unwrap_or(usize::MAX),
            },
            _ => Error::serialization("the request cannot be read"),
        };
        wire::describe(&Raised::unhandled(error), module, status.metadata_mut());
        status
    }

    async fn handle<R: Rpc>(
        &self,
        request: tonic::Request<R::Request>,
        arrived: Instant,
    ) -> Result<Option<Payload>, Raised> {
        let message = self.read::<R>(request, arrived).map_err(Raised::unhandled)?;
        self.scheduler.serve(message).await
    }

    /// The message of a request, if it may be handled.
    fn read<R: Rpc>(&self, request: tonic::Request<R::Request>, arrived: Instant) -> Result<Message, Error> {
        let shared = self.scheduler.shared();
        let mut message = R::message(request, &shared.platform)?;
        message.timeout = match (message.timeout, shared.options.max_handling_time) {
            (Some(asked), Some(cap)) => Some(asked.min(cap)),
            (asked, cap) => asked.or(cap),
        };
        if let Some(timeout) = &mut message.timeout {
            // The caller's time began no later than with the headers, however long the rest of the request took.
            *timeout = timeout.saturating_sub(arrived.elapsed());
            if timeout.is_zero() {
                return Err(Error::Timeout {
                    module: Arc::clone(&shared.module),
                    outcome: Outcome::Failed,
                });
            }
        }
        // The destination is checked first: a message without a receiver is not decoded. Spec: router 5.2.
        let Destination { port, .. } = self.scheduler.destination(&message.to)?;
        if port.starts_with('_') && !shared.options.serve_system_ports {
            return Err(Error::SystemPort { port: port.into() });
        }
        wire::check_data(&message.data)?;
        Ok(message)
    }
}

impl<P: Platform> Serving<P> {
    fn cancelled(&self) -> Error {
        Error::Shutdown {
            module: Arc::clone(&self.scheduler.shared().module),
            outcome: Outcome::Unknown,
        }
    }
}

/// Components are guarded one by one; this guards the code around them.
fn outside_components(panic: &str) -> Error {
    Error::Panic {
        message: format!("outside of it, in the module: {panic}").into(),
    }
}
