//! What other modules can call. Spec: router 1.5, 5.2.
//!
//! | subject | file |
//! |---|---|
//! | the phases of a shutdown | here |
//! | how far a shutdown has come, and what is in the works | `lifecycle` |
//! | which path is served by what, and what is refused | `service` |

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

/// How long the answers of cancelled requests have to leave.
const ABORT_AFTER: Duration = Duration::from_secs(1);

/// A bound server of one module.
///
/// It serves `module.ModuleService` with both methods (and the path of a `Send` without a package),
/// `grpc.health.v1.Health`, and `grpc.reflection` v1 and v1alpha. Requests may be compressed with gzip. Spec: router 2.3,
/// 5.2.
///
/// Deliberately absent: requests whose `:authority` has a `%`, which HTTP/2 here resets with PROTOCOL_ERROR. gRPC's C core
/// makes such of a target with several addresses (`ipv4:10.0.0.1:50051,10.0.0.2:50051`): give its channel the argument
/// `grpc.default_authority`.
pub struct Server<P: Platform> {
    scheduler: Scheduler<P>,
    listener: P::Listener,
    address: SocketAddr,
}

/// What a shutdown did not wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How many requests were cancelled because the grace was over. Their callers were told, and that the
    /// outcome is unknown.
    pub cancelled: usize,
    /// How many connections were cut, with whatever they still carried.
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

    /// Accepts and serves connections until the future is dropped, which closes them and cancels what they
    /// carry.
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
    /// | `goaway` | no more connections are accepted, and peers are asked to open theirs elsewhere. What they sent before they heard is served |
    /// | `waiting` | for what is in the works, and for peers to leave, as long as `grace` |
    /// | `cancelling` | what is still in the works is dropped, its callers are told, with the kind `shutdown`, and what still comes is refused with it: one more second |
    /// | `aborting` | the connections that are left are cut |
    /// | `stopped` | |
    ///
    /// The last but two and the last but one are left out when there is nothing for them to do. A peer that
    /// does not answer the request to go away is waited for as long as `grace` if something is in the works for it, else
    /// for a second or a few. Dropping the future ends all at once, as with [`Server::run`].
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
            // Whoever watches the health knows by now, and would keep the connection.
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
