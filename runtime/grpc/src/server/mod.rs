//! Accepting connections, and shutdown.
//!
//! | subject | file |
//! |---|---|
//! | accepting, and shutdown | here |
//! | one connection, and how its peer leaves | `connection` |
//! | the open connections, and which make room for others | `guests` |
//! | a peer that is gone | `liveness` |
//! | a connection's socket, which is not closed before everything is read | `socket` |
//! | one request, and sending its answer | `request` |
//! | clients that ping too often | `pings` |
//! | clients that keep sending requests that are refused | `pace` |
//! | large answers beside small ones | `turns` |
//! | the service that answers requests | `service` |
//! | the limits for peers, and the memory held for them | `limits`, `ledger` |
//! | peers that do not take their responses | `taking` |

mod connection;
mod guests;
mod ledger;
mod limits;
mod liveness;
mod pace;
mod pings;
mod request;
mod service;
mod socket;
mod taking;
mod turns;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use squall_platform::{Listener, Platform};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::{Connections, Keepalive};
use guests::Guests;
pub(crate) use ledger::{Account, Charge, Of};
pub use ledger::{Ledger, Refusal};
pub use limits::{FREE, Limits, PER_ANSWER, TAKEN_MIN};
pub use pings::PingPolicy;
pub use service::{Answer, Service, Tonic};

/// The pause of accepting after a lack of resources: the first value and the maximum. It doubles each time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// The number of connections that are accepted in a row before other tasks run.
const ACCEPTED_AT_ONCE: usize = 16;

/// How connections are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// When a client is pinged, and when it counts as gone; `None`: never.
    pub keepalive: Option<Keepalive>,
    /// The minimum interval of a client's pings; `None`: no limit.
    pub pings: Option<PingPolicy>,
    /// Whether responses are compressed, with gzip, for clients that accept it. Requests may always be compressed.
    pub compress: bool,
    /// The limits for clients.
    pub limits: Limits,
}

impl Default for Serving {
    fn default() -> Self {
        Serving {
            keepalive: Some(Keepalive::server()),
            pings: None,
            compress: false,
            limits: Limits::generous(),
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

/// Listens on `port`; port 0 takes a free one. Also returns the address.
///
/// # Errors
/// When the port is not available.
pub async fn listen<P: Platform>(platform: &P, port: u16) -> Result<(P::Listener, SocketAddr), ServeError> {
    let failed = |cause| ServeError { port, cause };
    let listener = platform.bind(port).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// What a shutdown cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// The number of connections that were cut, with everything they still carried.
    pub aborted: usize,
}

/// What [`accept`] needs besides a listener.
pub struct Accept<'a, P: Platform, S, G> {
    /// The platform whose tasks the connections are.
    pub platform: &'a P,
    /// How connections are served.
    pub serving: Serving,
    /// Serves the requests of all connections.
    pub service: S,
    /// Called for each connection. Returns a future that resolves when its peer is to be asked to leave; `None` when
    /// that never happens.
    pub going_away: G,
}

/// Accepts connections, and serves each in a task of its own among `connections`. Never ends. Beyond the limit, an
/// idle connection is asked to leave, or the new one is closed at once: in the kernel's queue it would wait without
/// an error.
pub async fn accept<P, S, G, F>(
    listener: &mut P::Listener,
    accept: Accept<'_, P, S, G>,
    connections: &mut Connections,
) where
    P: Platform,
    S: Service,
    G: Fn() -> Option<F>,
    F: Future<Output = ()> + Send + 'static,
{
    let ledger = Arc::clone(connections.ledger());
    let mut guests = Guests::new(accept.serving.limits, Arc::clone(&ledger));
    let mut pause = ACCEPT_PAUSE;
    let mut in_a_row = 0;
    loop {
        if in_a_row == ACCEPTED_AT_ONCE {
            in_a_row = 0;
            others_first().await;
        }
        let accepted = {
            let mut accepting = pin!(listener.accept());
            poll_fn(|context| {
                let accepted = accepting.as_mut().poll(context);
                in_a_row = if accepted.is_ready() { in_a_row + 1 } else { 0 };
                accepted
            })
            .await
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE;
                let Some(guest) = guests.enter(peer.ip()) else {
                    continue;
                };
                let connection = connection::serve(
                    accept.platform.clone(),
                    stream,
                    accept.serving,
                    guest,
                    accept.service.clone(),
                    (accept.going_away)(),
                );
                // Boxed: it is large, and a block that awaits what it owns holds it twice.
                connections.spawn(accept.platform, Box::pin(connection));
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                starved(&ledger, &error, connections.len());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

/// Accepts and serves connections until `shutdown` resolves. Then no more are accepted and peers are asked to leave.
/// In-flight requests are finished for up to `grace`; the remaining ones are cut.
///
/// Dropping the future closes all connections at once and cancels what they carry.
pub async fn serve_until<P, S>(
    platform: &P,
    mut listener: P::Listener,
    serving: Serving,
    service: S,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> Drained
where
    P: Platform,
    S: Service,
{
    // `Notify` and not `watch`: it wakes first come, first served, so that a simulated shutdown repeats exactly.
    let leave = Arc::new(Notify::new());
    let going_away = || {
        let leave = Arc::clone(&leave);
        // Registered now: a notification between now and the first poll must not be missed.
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

/// Lets the other tasks of the thread run.
async fn others_first() {
    let mut had_theirs = false;
    poll_fn(|context| {
        if std::mem::replace(&mut had_theirs, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cold]
fn starved(ledger: &Ledger, error: &io::Error, open: usize) {
    let why = format_args!(
        "no connection can be accepted: {error}. {open} are open: let the process have more descriptors (ulimit -n), or \
         lower the limit connections"
    );
    ledger.refuse(Refusal::Accept, why);
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
