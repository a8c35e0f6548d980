//! The gRPC server for providers. Spec: provider 1.1, 2.1.
//!
//! | subject | file |
//! |---|---|
//! | a bound server, and its shutdown | here |
//! | routing by path, and refusals | `service` |
//! | the three methods of the protocol | `methods` |

mod methods;
mod service;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{Accept, Connections, ServeError};
use squall_platform::{OwnedTask, Platform};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::control;
use crate::manager::Manager;
use crate::table::Cause;
use service::Service;

/// A bound server of a [`Manager`].
///
/// It serves `constellation.provider.v1.ModuleProvider`, `grpc.health.v1.Health`, and `grpc.reflection` v1 and
/// v1alpha. While it runs, timeouts are checked, and providers get their reports.
pub struct Server<P: Platform> {
    manager: Manager<P>,
    listener: P::Listener,
    address: SocketAddr,
}

/// What a shutdown cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// The number of calls of providers' modules that were cancelled because the grace was over. Their callers got an
    /// error with an unknown outcome.
    pub cancelled: usize,
    /// The number of cut connections of providers.
    pub aborted: usize,
}

impl<P: Platform> Server<P> {
    pub(crate) async fn bind(manager: Manager<P>) -> Result<Self, ServeError> {
        let port = manager.config().grpc_port;
        let (listener, address) = squall_grpc::listen(manager.platform(), port).await?;
        Ok(Server {
            manager,
            listener,
            address,
        })
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves providers until the future is dropped, which ends everything at once: connections are cut, and all
    /// providers are deregistered.
    pub async fn run(mut self) {
        let running = Running::start(&self.manager).await;
        let mut connections = Connections::default();
        running.accept(&mut self.listener, &mut connections).await;
    }

    /// Serves providers until `shutdown` resolves. Then registration is closed, all providers are deregistered and
    /// their streams completed, and no more connections are accepted. Calls in flight and connections have `grace` to
    /// end; the remaining ones are cut. Spec: provider section 6, point 19.
    ///
    /// Dropping the future ends everything at once, as with [`Server::run`].
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>, grace: Duration) -> Drained {
        let running = Running::start(&self.manager).await;
        let mut connections = Connections::default();
        tokio::select! {
            biased;
            () = shutdown => {}
            () = running.accept(&mut self.listener, &mut connections) => {}
        }
        let manager = &self.manager;
        manager.set_stopping(true);
        running.service.standard().not_serving();
        running.stop();
        drop(self.listener);
        let idle = async {
            manager.in_flight().idle().await;
            // A client that watches the health has been notified by now, and would keep the connection.
            running.service.standard().end_watches();
            connections.ended().await;
        };
        let in_time = timeout(grace, idle).await.is_ok();
        let (cancelled, aborted) = match in_time {
            true => (0, 0),
            false => (manager.in_flight().count(), connections.len()),
        };
        if !in_time {
            manager.in_flight().cut();
        }
        connections.abort();
        Drained { cancelled, aborted }
    }
}

/// The server's work beside accepting. It ends when this is dropped.
struct Running<P: Platform> {
    manager: Manager<P>,
    service: Service<P>,
    /// Notified when peers have to leave. `Notify` and not `watch`: it wakes first come, first served, so that a
    /// simulated shutdown repeats exactly.
    leave: Arc<Notify>,
    _check: OwnedTask,
    _report: OwnedTask,
}

impl<P: Platform> Running<P> {
    async fn start(manager: &Manager<P>) -> Self {
        // The manager may have been served, and shut down, before.
        manager.set_stopping(false);
        manager.in_flight().resume();
        let spawn = |task: Pin<Box<dyn Future<Output = ()> + Send>>| manager.platform().spawn(task).into();
        Running {
            manager: manager.clone(),
            service: Service::new(manager.clone()),
            leave: Arc::default(),
            _check: spawn(Box::pin(control::check(manager.clone()))),
            _report: spawn(Box::pin(control::report(manager.clone()))),
        }
    }

    /// Never ends.
    async fn accept(&self, listener: &mut P::Listener, connections: &mut Connections) {
        let going_away = || {
            let leave = Arc::clone(&self.leave);
            // Registered now: a notification between now and the first poll must not be missed.
            let mut told = Box::pin(leave.notified_owned());
            told.as_mut().enable();
            Some(told)
        };
        let accept = Accept {
            platform: self.manager.platform(),
            serving: self.manager.config().patient_serving(),
            service: self.service.clone(),
            going_away,
        };
        squall_grpc::accept(listener, accept, connections).await;
    }

    /// Deregisters all providers, which completes their streams, and asks their connections to end.
    fn stop(&self) {
        self.manager
            .change(|registry, now| registry.table.leave_all(&Cause::Shutdown, now));
        self.leave.notify_waiters();
    }
}

impl<P: Platform> Drop for Running<P> {
    fn drop(&mut self) {
        self.manager.set_stopping(true);
        self.stop();
    }
}
