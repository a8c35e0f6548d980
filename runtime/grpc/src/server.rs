//! Accepting connections, and ending.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http2::Builder;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_platform::{Executor, Listener, Platform};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::{CONNECTION_WINDOW, Connections, FRAME_MAX, RESET_STREAMS_MAX, STREAM_WINDOW};

/// How long accepting pauses after it has failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are served. All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// How often a connection is probed with a ping.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered before the connection counts as lost.
    pub keepalive_timeout: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Serving {
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(3),
        }
    }
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}: {cause}")]
pub struct ServeError {
    port: u16,
    #[source]
    cause: io::Error,
}

/// Listens on `port`; port 0 takes a free one. Gives the address that it has, too.
///
/// # Errors
/// When the port cannot be had.
pub async fn listen<P: Platform>(platform: &P, port: u16) -> Result<(P::Listener, SocketAddr), ServeError> {
    let failed = |cause| ServeError { port, cause };
    let listener = platform.bind(port).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// What a shutdown did not wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// How many connections were cut, with whatever they still carried.
    pub aborted: usize,
}

/// What [`accept`] needs besides a listener.
pub struct Accept<'a, P: Platform, S, G> {
    /// Whose tasks the connections are.
    pub platform: &'a P,
    /// How connections are served.
    pub serving: Serving,
    /// Serves the requests of all connections.
    pub service: S,
    /// Asked at each connection for a future that resolves when its peer is to be asked to leave; `None` when that
    /// never happens.
    pub going_away: G,
}

/// Accepts connections, and serves each in a task of its own among `connections`. Never ends.
pub async fn accept<P, S, B, G, F>(
    listener: &mut P::Listener,
    accept: Accept<'_, P, S, G>,
    connections: &mut Connections,
) where
    P: Platform,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    G: Fn() -> Option<F>,
    F: Future<Output = ()> + Send + 'static,
{
    let protocol = protocol(accept.platform, accept.serving);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = protocol.serve_connection(TokioIo::new(stream), accept.service.clone());
                // Boxed: it is large, and a block that awaits what it owns holds it twice.
                let mut connection = Box::pin(connection);
                let going_away = (accept.going_away)();
                connections.spawn(accept.platform, async move {
                    // How a connection ends is its peer's to report.
                    let Some(going_away) = going_away else {
                        return drop(connection.await);
                    };
                    tokio::select! {
                        biased;
                        ended = connection.as_mut() => return drop(ended),
                        () = going_away => connection.as_mut().graceful_shutdown(),
                    }
                    drop(connection.await);
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Accepts and serves connections until `shutdown` resolves. Then no more are accepted and peers are asked to leave;
/// what they have asked for is finished, as long as `grace`, and what is left then is cut.
///
/// Dropping the future closes all connections at once and cancels what they carry.
pub async fn serve_until<P, S, B>(
    platform: &P,
    mut listener: P::Listener,
    serving: Serving,
    service: S,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> Drained
where
    P: Platform,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // `Notify` and not `watch`: it wakes first come, first served, so that a simulated shutdown repeats exactly.
    let leave = std::sync::Arc::new(Notify::new());
    let going_away = || {
        let leave = std::sync::Arc::clone(&leave);
        // Listening from now on: told between now and the first poll, it must not be missed.
        let mut told = Box::pin(leave.notified_owned());
        told.as_mut().enable();
        Some(told)
    };
    let mut connections = Connections::default();
    let accepting = Accept {
        platform,
        serving,
        service,
        going_away,
    };
    tokio::select! {
        biased;
        () = shutdown => {}
        () = accept(&mut listener, accepting, &mut connections) => {}
    }
    drop(listener);
    leave.notify_waiters();
    let in_time = timeout(grace, connections.ended()).await;
    let aborted = if in_time.is_ok() { 0 } else { connections.len() };
    connections.abort();
    Drained { aborted }
}

fn protocol<P: Platform>(platform: &P, serving: Serving) -> Builder<Executor<P>> {
    let mut protocol = Builder::new(Executor::new(platform.clone()));
    protocol
        .timer(TokioTimer::new())
        .auto_date_header(false)
        // Blocking calls nest: with any limit two modules can wait for each other for ever.
        .max_concurrent_streams(None)
        .max_frame_size(FRAME_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // Peers are modules, not the open internet: many calls that time out at once are no attack.
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(serving.keepalive_interval)
        .keep_alive_timeout(serving.keepalive_timeout);
    protocol
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
