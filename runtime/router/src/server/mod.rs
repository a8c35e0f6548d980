//! The gRPC server that other modules call. Spec: router 1.5, 5.2.
//!
//! | subject | file |
//! |---|---|
//! | the phases of a shutdown | here |
//! | the phase of a shutdown, and the in-flight requests | `lifecycle` |
//! | routing by path, and refusals | `service` |

mod lifecycle;
mod service;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{Accept, Connections, ServeError, Serving};
use squall_platform::Platform;
use tokio::time::{Instant, timeout_at};

use crate::message::after;
use crate::{Scheduler, events};
use lifecycle::{Lifecycle, Phase};
use service::Service;

/// The time in which the responses of cancelled requests can be sent.
const ABORT_AFTER: Duration = Duration::from_secs(1);

/// A bound server of one module.
///
/// It serves `module.ModuleService` with both methods (and the path of a `Send` without a package),
/// `grpc.health.v1.Health`, and `grpc.reflection` v1 and v1alpha. Requests may be compressed with gzip. Spec: router 2.3,
/// 5.2.
///
/// Not supported: requests whose `:authority` has a `%`, which HTTP/2 here resets with PROTOCOL_ERROR. gRPC's C core
/// sends such an authority for a target with several addresses (`ipv4:10.0.0.1:50051,10.0.0.2:50051`): give its
/// channel the argument `grpc.default_authority`.
pub struct Server<P: Platform> {
    scheduler: Scheduler<P>,
    listener: P::Listener,
    address: SocketAddr,
}

/// What a shutdown cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// The number of requests that were cancelled because the grace was over. Their callers got an error with an
    /// unknown outcome.
    pub cancelled: usize,
    /// The number of connections that were cut, with everything they still carried.
    pub aborted: usize,
}

impl<P: Platform> Server<P> {
    pub(crate) async fn bind(scheduler: Scheduler<P>, port: u16) -> Result<Self, ServeError> {
        let (listener, address) = squall_grpc::listen(&scheduler.shared().platform, port).await?;
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

    /// Accepts and serves connections until the future is dropped, which closes them and cancels their requests.
    pub async fn run(mut self) {
        self.scheduler.shared().metrics.server_enters("serving");
        let service = Service::new(self.scheduler.clone(), Arc::new(Lifecycle::endless()));
        let mut connections = Connections::counted(Arc::clone(self.scheduler.shared().metrics.ledger()));
        self.accept(&service, &mut connections).await;
    }

    /// Accepts and serves connections until `shutdown` resolves, then ends in phases, each of them an event
    /// `server.drain`. Spec: router 5.2.
    ///
    /// | phase | what happens |
    /// |---|---|
    /// | `not_serving` | health says `NOT_SERVING` |
    /// | `goaway` | no more connections are accepted, and peers are asked to open theirs elsewhere. Requests that they sent before they received this are served |
    /// | `waiting` | waits for in-flight requests and for peers to leave, for at most `grace` |
    /// | `cancelling` | remaining requests are dropped and their callers get an error of kind `shutdown`; new requests are refused with it: one more second |
    /// | `aborting` | the remaining connections are cut |
    /// | `stopped` | |
    ///
    /// The phases `cancelling` and `aborting` are skipped when there is nothing for them to do. A peer that does not
    /// answer the request to go away is waited for up to `grace` if it has in-flight requests, else for a second or a
    /// few. Dropping the future ends everything at once, as with [`Server::run`].
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>, grace: Duration) -> Drained {
        self.scheduler.shared().metrics.server_enters("serving");
        let lifecycle = Arc::new(Lifecycle::drainable());
        let service = Service::new(self.scheduler.clone(), Arc::clone(&lifecycle));
        let mut connections = Connections::counted(Arc::clone(self.scheduler.shared().metrics.ledger()));
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.accept(&service, &mut connections) => {}
        }
        let scheduler = self.scheduler;
        let said = |phase, connections: &Connections| {
            let module = &scheduler.shared().module;
            scheduler.shared().metrics.server_enters(phase);
            events::server_drain(module, phase, lifecycle.in_flight(), connections.len());
        };
        let mut drained = Drained {
            cancelled: 0,
            aborted: 0,
        };

        service.standard().not_serving();
        said("not_serving", &connections);
        drop(self.listener);
        lifecycle.enter(Phase::GoingAway);
        said("goaway", &connections);
        let until = after(Instant::now(), grace);
        said("waiting", &connections);
        let idle = async {
            lifecycle.idle().await;
            // A client that watches the health has been notified by now, and would keep the connection.
            service.standard().end_watches();
            connections.ended().await;
        };
        if timeout_at(until, idle).await.is_err() {
            drained.cancelled = lifecycle.in_flight();
            said("cancelling", &connections);
            lifecycle.enter(Phase::Cancelling);
            service.standard().end_watches();
            let until = after(Instant::now(), ABORT_AFTER);
            if timeout_at(until, connections.ended()).await.is_err() {
                drained.aborted = connections.len();
                said("aborting", &connections);
            }
        }
        connections.abort();
        said("stopped", &connections);
        drained
    }

    /// Never ends.
    async fn accept(&mut self, service: &Service<P>, connections: &mut Connections) {
        let shared = self.scheduler.shared();
        let accept = Accept {
            platform: &shared.platform,
            serving: Serving {
                keepalive: shared.options.server_keepalive,
                pings: shared.options.ping_policy,
                compress: shared.options.compress_answers,
                limits: shared.options.limits,
            },
            service: service.clone(),
            going_away: || service.going_away(),
        };
        squall_grpc::accept(&mut self.listener, accept, connections).await;
    }
}
