//! Drives a client's connection: HTTP/2 itself, and the liveness check of its peer.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use h2::client::{Connection, SendRequest};
use h2::{Ping, PingPong, Reason};
use squall_platform::Platform;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::goodbye::Orderly;
use crate::keepalive::{Counted, Seen, Step, Watch};
use crate::sender::{Handle, Piece, Shared};
use crate::{Keepalive, trouble};

type Http2<S> = Connection<Counted<Orderly<S>>, Piece>;

/// Drives a connection until it ends, and returns the reason. Without it the connection makes no progress.
///
/// A connection whose peer has asked to go away takes no more requests, but finishes those in flight:
/// [`Driver::leaving`] resolves then, and the driver itself only when everything has ended.
pub struct Driver<P: Platform>(
    // Boxed: it is large, and a block that awaits what it owns holds it twice.
    Box<Driving<P::Stream>>,
);

/// Why a connection takes no more requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// As text.
    pub cause: String,
    /// The peer reports too many pings: the next connection to it should use [`Keepalive::doubled`].
    pub too_many_pings: bool,
}

impl Ended {
    /// An end without a known reason.
    pub fn closed() -> Self {
        Ended {
            cause: "the connection is closed".to_owned(),
            too_many_pings: false,
        }
    }
}

impl Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.cause)
    }
}

struct Driving<S> {
    /// `None` once it has ended.
    http2: Option<Http2<S>>,
    shared: Arc<Shared>,
    /// Detects that the peer asks to go away. Dropped when it has no use: the connection closes when nothing else can
    /// send requests on it.
    probe: Option<SendRequest<Piece>>,
    handle: Weak<Handle>,
    watch: Option<Watch>,
    pings: Option<PingPong>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Woken by events.
    waker: Option<Waker>,
    /// Why no more requests are taken.
    left: Option<Ended>,
}

impl<P: Platform> Driver<P> {
    pub(crate) fn new(
        http2: Http2<P::Stream>,
        shared: Arc<Shared>,
        probe: SendRequest<Piece>,
        handle: Weak<Handle>,
        keepalive: Option<Keepalive>,
    ) -> Self {
        Driver(Box::new(Driving {
            http2: Some(http2),
            shared,
            probe: Some(probe),
            handle,
            watch: keepalive.map(Watch::new),
            pings: None,
            timer: None,
            waker: None,
            left: None,
        }))
    }

    /// Drives the connection until it takes no more requests, and returns the reason. The driver must then still be
    /// awaited, for the requests in flight.
    pub async fn leaving(&mut self) -> Ended {
        let driving = &mut *self.0;
        poll_fn(|context| {
            let ended = driving.poll(context);
            match (&driving.left, ended) {
                (Some(left), _) => Poll::Ready(left.clone()),
                (None, Poll::Ready(ended)) => Poll::Ready(ended),
                (None, Poll::Pending) => Poll::Pending,
            }
        })
        .await
    }
}

impl<P: Platform> Future for Driver<P> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        self.0.poll(context)
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Driving<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let is_known = self
            .waker
            .as_ref()
            .is_some_and(|it| it.will_wake(context.waker()));
        if !is_known {
            self.waker = Some(context.waker().clone());
            *self.shared.driver() = self.waker.clone();
        }
        loop {
            if self.probe.is_some() && self.handle.strong_count() == 0 {
                self.probe = None;
            }
            let Some(http2) = &mut self.http2 else {
                return Poll::Ready(self.left.clone().unwrap_or_else(Ended::closed));
            };
            let reads = self.shared.reads();
            if let Poll::Ready(ended) = Pin::new(http2).poll(context) {
                let ended = match ended {
                    Ok(()) => Ended::closed(),
                    Err(error) => ended_by(&error),
                };
                if self.left.is_none() {
                    self.shared.explain(ended.cause.clone());
                }
                return Poll::Ready(self.end(ended));
            }
            let came = self.shared.reads() != reads;
            if came {
                self.shared.alive();
                self.hear_goodbye(context);
            }
            match self.keep_alive(context, !is_known, came) {
                Alive::Yes => return Poll::Pending,
                Alive::Pinged => {}
                Alive::No(why) => {
                    // In this order: waiters that are woken by the end read the reason.
                    self.shared.explain(why.clone());
                    let ended = Ended {
                        cause: why,
                        too_many_pings: false,
                    };
                    return Poll::Ready(self.end(ended));
                }
            }
        }
    }

    /// Something was read: it may have been a GOAWAY.
    fn hear_goodbye(&mut self, context: &mut Context<'_>) {
        let Some(probe) = &mut self.probe else { return };
        // This sender never waits, because it has never sent anything.
        if let Poll::Ready(Err(error)) = probe.poll_ready(context) {
            let left = ended_by(&error);
            // Requests in flight continue, unless the peer hangs up.
            self.shared.explain(match error.reason() {
                Some(Reason::NO_ERROR) => format!("{}, and hung up", left.cause),
                _ => left.cause.clone(),
            });
            self.left = Some(left);
            self.shared.close();
            self.probe = None;
        }
    }

    fn end(&mut self, ended: Ended) -> Ended {
        self.shared.close();
        self.http2 = None;
        self.probe = None;
        self.timer = None;
        let ended = self.left.take().unwrap_or(ended);
        self.left = Some(ended.clone());
        ended
    }

    fn keep_alive(&mut self, context: &mut Context<'_>, is_new: bool, came: bool) -> Alive {
        let (Some(watch), Some(http2)) = (&mut self.watch, &mut self.http2) else {
            return Alive::Yes;
        };
        let waiting = self.shared.has_calls();
        let alarm = self.shared.take_alarm();
        let due = match &self.timer {
            _ if alarm || (came && watch.is_pinged()) => true,
            _ if watch.is_asleep() => waiting || watch.is_sleepless(),
            Some(timer) => timer.is_elapsed(),
            None => true,
        };
        let mut alive = Alive::Yes;
        if due {
            let seen = Seen {
                reads: self.shared.reads(),
                answered: self.shared.take_answered(),
                waiting,
                suspect: self.shared.is_suspect(),
            };
            let next = match watch.look(Instant::now(), seen) {
                Step::Sleep => None,
                Step::Wait(next) => Some(next),
                Step::Suspect(next) => {
                    self.shared.suspect();
                    Some(next)
                }
                Step::Ping(next) => {
                    // Created on demand, because HTTP/2 checks it with each frame from then on.
                    if self.pings.is_none() {
                        self.pings = http2.ping_pong();
                    }
                    if let Some(pings) = &mut self.pings {
                        // The response to the last ping. If it is still to come, it serves as the response to a new
                        // one.
                        drop(pings.poll_pong(context));
                        drop(pings.send_ping(Ping::opaque()));
                    }
                    alive = Alive::Pinged;
                    Some(next)
                }
                Step::Dead { silent, pinged } => return Alive::No(silence(silent, pinged)),
            };
            match (next, &mut self.timer) {
                (Some(next), Some(timer)) => timer.as_mut().reset(next),
                (Some(next), timer) => *timer = Some(Box::pin(sleep_until(next))),
                (None, timer) => *timer = None,
            }
        }
        if (due || is_new)
            && let Some(timer) = &mut self.timer
            && timer.as_mut().poll(context).is_ready()
        {
            // Due at once: check again.
            context.waker().wake_by_ref();
        }
        alive
    }
}

enum Alive {
    Yes,
    /// A ping must be written.
    Pinged,
    No(String),
}

fn ended_by(error: &h2::Error) -> Ended {
    let cause = match error.get_io() {
        Some(error) => error.to_string(),
        None if error.is_go_away() && error.is_remote() => trouble::goodbye(error),
        None => error.to_string(),
    };
    Ended {
        cause,
        too_many_pings: trouble::is_too_many_pings(error),
    }
}

fn silence(silent: Duration, pinged: Duration) -> String {
    format!(
        "keepalive: nothing came for {silent:?}, nor within {pinged:?} after a ping, while the network reported no failure"
    )
}
