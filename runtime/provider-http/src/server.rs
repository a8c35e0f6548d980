//! Accepting connections, and ending.

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

/// Where the API is, unless somebody says otherwise. Spec: provider, guide.
pub const DEFAULT_PORT: u16 = 8080;

/// How long accepting pauses after it has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many connections there may be at once. One more is closed at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a peer may take to send the head of a request.
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
    /// When the port cannot be had.
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

    /// Answers requests that name these hosts, too. Others are answered when they name an address, or `localhost`, or
    /// nothing; the rest is refused, lest pages of other sites read what is here (DNS rebinding).
    #[must_use]
    pub fn hosts(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.shared.hosts = Hosts::new(names);
        self
    }

    /// Makes `/health` say that the process is told to stop, from the moment that this is called: while providers and
    /// calls still come to their ends, and the API goes on.
    pub fn stopping(&self) -> impl Fn() + Send + Sync + 'static + use<P> {
        let stopping = Arc::clone(&self.shared.stopping);
        move || stopping.store(true, Ordering::Relaxed)
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts and serves connections until `shutdown` resolves. Then none is accepted any more, and requests that have
    /// come are answered, as long as `grace`. Gives the number of connections that were cut then.
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
            // Listening from now on: told between now and the first poll, it must not be missed.
            let mut told = Box::pin(Arc::clone(leave).notified_owned());
            told.as_mut().enable();
            connections.spawn(&self.platform, async move {
                // How a connection ends is its peer's to report.
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
