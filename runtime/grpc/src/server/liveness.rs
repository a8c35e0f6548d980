//! Detects that a client is gone.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use bytes::Buf;
use h2::server::Connection;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Keepalive;
use crate::keepalive::{Seen, Step, Watch};

/// The liveness check of one client.
pub(super) struct Liveness {
    rules: Keepalive,
    watch: Watch,
    /// Created on demand, because HTTP/2 checks it with each frame from then on.
    pinger: Option<PingPong>,
    timer: Pin<Box<Sleep>>,
}

/// The state of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alive {
    Yes,
    /// A ping must be written.
    Pinged,
    No,
}

impl Liveness {
    pub(super) fn new(rules: Keepalive) -> Self {
        Liveness {
            rules,
            watch: Watch::new(rules),
            pinger: None,
            // The check starts at the first look.
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// Checks the client if that is due. All received bytes have been read: `reads` is the number of reads.
    pub(super) fn poll<S, B>(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection<S, B>,
        reads: u64,
    ) -> Alive
    where
        S: AsyncRead + AsyncWrite + Unpin,
        B: Buf,
    {
        while self.timer.as_mut().poll(context).is_ready() {
            let seen = Seen {
                reads,
                answered: true,
                waiting: connection.has_streams(),
                suspect: false,
            };
            match self.watch.look(Instant::now(), seen) {
                // A server has no alternative peer.
                Step::Wait(next) | Step::Suspect(next) => self.timer.as_mut().reset(next),
                // A request does not trigger it: it checks for requests now and then.
                Step::Sleep => self.timer.as_mut().reset(Instant::now() + self.rules.interval),
                Step::Ping(next) => {
                    self.timer.as_mut().reset(next);
                    if self.pinger.is_none() {
                        self.pinger = connection.ping_pong();
                    }
                    if let Some(pinger) = &mut self.pinger {
                        // The response to the last ping. If it is still to come, it serves as the response to a new
                        // one.
                        drop(pinger.poll_pong(context));
                        drop(pinger.send_ping(Ping::opaque()));
                    }
                    return Alive::Pinged;
                }
                Step::Dead { .. } => return Alive::No,
            }
        }
        Alive::Yes
    }
}
