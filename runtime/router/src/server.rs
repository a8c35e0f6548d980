//! What other modules can call. Spec: router 1.5, 5.2.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use squall_platform::{Executor, Listener, OwnedTask, Platform};
use squall_proto::module::module_service_server::{ModuleService, ModuleServiceServer};
use squall_proto::module::{Message as Request, Response};

use crate::pool::{CONNECTION_WINDOW, RESET_STREAMS_MAX, STREAM_WINDOW};
use crate::{Scheduler, events, wire};

/// How long accepting pauses after it has failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound server of one module.
pub struct Server<P: Platform> {
    scheduler: Scheduler<P>,
    listener: P::Listener,
    address: SocketAddr,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}: {cause}")]
pub struct ServeError {
    port: u16,
    #[source]
    cause: io::Error,
}

impl<P: Platform> Server<P> {
    pub(crate) async fn bind(scheduler: Scheduler<P>, port: u16) -> Result<Self, ServeError> {
        let failed = |cause| ServeError { port, cause };
        let listener = scheduler.shared().platform.bind(port).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        events::server_listening(&scheduler.shared().module, address);
        Ok(Server {
            scheduler,
            listener,
            address,
        })
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts and serves connections until the future is dropped, which closes them and cancels what they
    /// carry.
    pub async fn run(mut self) {
        let options = &self.scheduler.shared().options;
        let service = ModuleServiceServer::new(Service(self.scheduler.clone()))
            .max_decoding_message_size(options.max_message_bytes);
        let service = TowerToHyperService::new(service);
        let protocol = protocol(&self.scheduler);
        let connections = Connections::default();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let connection = protocol.serve_connection(TokioIo::new(stream), service.clone());
                    // Boxed: it is large, and a block that awaits what it owns holds it twice.
                    let connection = Box::pin(connection);
                    connections.spawn(&self.scheduler.shared().platform, async {
                        // How a connection ends is its peer's to report.
                        drop(connection.await);
                    });
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

fn protocol<P: Platform>(scheduler: &Scheduler<P>) -> http2::Builder<Executor<P>> {
    let shared = scheduler.shared();
    let mut protocol = http2::Builder::new(Executor::new(shared.platform.clone()));
    protocol
        .timer(TokioTimer::new())
        .auto_date_header(false)
        // Blocking calls nest: with any limit two modules can wait for each other for ever.
        .max_concurrent_streams(None)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // Peers are modules, not the open internet: many calls that time out at once are no attack.
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(shared.options.keepalive_interval)
        .keep_alive_timeout(shared.options.keepalive_timeout);
    protocol
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The gRPC method, over a module's scheduler.
struct Service<P: Platform>(Scheduler<P>);

#[tonic::async_trait]
impl<P: Platform> ModuleService for Service<P> {
    /// Failures are in-band: the status is always OK. Spec: router S-23, S-26.
    async fn send(
        &self,
        request: tonic::Request<Request>,
    ) -> Result<tonic::Response<Response>, tonic::Status> {
        let shared = self.0.shared();
        let result = match wire::message(request.into_inner(), &shared.platform) {
            Ok(message) => self.0.handle(message).await,
            Err(error) => Err(error),
        };
        Ok(wire::reply(
            result,
            &shared.module,
            shared.options.max_message_bytes,
        ))
    }
}

/// The tasks of the open connections. They end with it.
#[derive(Default)]
struct Connections {
    tasks: Arc<Mutex<BTreeMap<u64, OwnedTask>>>,
    next: std::cell::Cell<u64>,
}

impl Connections {
    fn spawn<P: Platform>(&self, platform: &P, connection: impl Future<Output = ()> + Send + 'static) {
        let id = self.next.get();
        self.next.set(id + 1);
        let tasks: Weak<_> = Arc::downgrade(&self.tasks);
        // Held until the task is listed, or a quick one would try to leave before it is.
        let mut open = lock(&self.tasks);
        let task = platform.spawn(async move {
            connection.await;
            if let Some(tasks) = tasks.upgrade() {
                lock(&tasks).remove(&id);
            }
        });
        open.insert(id, task.into());
    }
}

fn lock(tasks: &Mutex<BTreeMap<u64, OwnedTask>>) -> MutexGuard<'_, BTreeMap<u64, OwnedTask>> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}
