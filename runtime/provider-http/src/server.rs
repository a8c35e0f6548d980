//! Accepting connections, and shutdown.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use squall_grpc::{Connections, ServeError};
use squall_platform::{Listener, Platform};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::Operator;
use crate::body::Room;
use crate::host::Hosts;
use crate::routes::{Shared, router};

/// The default port of the API. Spec: provider, guide.
pub const DEFAULT_PORT: u16 = 8080;

/// The pause of accepting after a failure.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The maximum number of connections. Further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// The time limit for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A bound server of the API.
pub struct Server<P: Platform> {
    platform: P,
    listener: P::Listener,
    address: SocketAddr,
    shared: Shared,
}

impl<P: Platform> Server<P> {
    /// Listens on `port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is not available.
    pub async fn bind(platform: P, port: u16, operator: Arc<dyn Operator>) -> Result<Self, ServeError> {
        let (listener, address) = squall_grpc::listen(&platform, port).await?;
        let shared = Shared {
            operator,
            stopping: Arc::new(AtomicBool::new(false)),
            hosts: Hosts::default(),
            bodies: Room::default(),
        };
        Ok(Server {
            platform,
            listener,
            address,
            shared,
        })
    }

    /// Also accepts requests for these hosts. Other requests are answered if they name an address, `localhost`, or no
    /// host; the rest is refused, so that pages of other sites cannot read the responses (DNS rebinding).
    #[must_use]
    pub fn hosts(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.shared.hosts = Hosts::new(names);
        self
    }

    /// Makes `/health` report `stopping`, from this call on: providers and calls may still finish, and the API
    /// continues.
    pub fn stopping(&self) -> impl Fn() + Send + Sync + 'static + use<P> {
        let stopping = Arc::clone(&self.shared.stopping);
        move || stopping.store(true, Ordering::Relaxed)
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts and serves connections until `shutdown` resolves. Then no more are accepted, and received requests are
    /// answered, for up to `grace`. Returns the number of connections that were cut then.
    ///
    /// Dropping the future closes all connections at once.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>, grace: Duration) -> usize {
        let leave = Arc::new(Notify::new());
        let router = router(self.shared.clone());
        let mut connections = Connections::default();
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.accept(&router, &leave, &mut connections) => {}
        }
        drop(self.listener);
        leave.notify_waiters();
        let in_time = timeout(grace, connections.ended()).await;
        let cut = if in_time.is_ok() { 0 } else { connections.len() };
        connections.abort();
        cut
    }

    /// Never ends.
    async fn accept(&mut self, router: &Router, leave: &Arc<Notify>, connections: &mut Connections) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            if connections.len() >= CONNECTIONS_MAX {
                drop(stream);
                continue;
            }
            let mut protocol = Builder::new();
            protocol
                .timer(TokioTimer::new())
                .auto_date_header(false)
                .header_read_timeout(HEAD_TIMEOUT);
            let service = TowerToHyperService::new(router.clone());
            let mut connection = Box::pin(protocol.serve_connection(TokioIo::new(stream), service));
            // Registered now: a notification between now and the first poll must not be missed.
            let mut told = Box::pin(Arc::clone(leave).notified_owned());
            told.as_mut().enable();
            connections.spawn(&self.platform, async move {
                // The peer reports how a connection ended.
                tokio::select! {
                    biased;
                    ended = connection.as_mut() => return drop(ended),
                    () = told => connection.as_mut().graceful_shutdown(),
                }
                drop(connection.await);
            });
        }
    }
}
