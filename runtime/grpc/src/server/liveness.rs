//! Noticing that a client is gone.

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

/// The watch over one client.
pub(super) struct Liveness {
    rules: Keepalive,
    watch: Watch,
    /// Only once it is needed: HTTP/2 looks after it with each frame from then on.
    pinger: Option<PingPong>,
    timer: Pin<Box<Sleep>>,
}

/// What is known of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alive {
    Yes,
    /// A ping is to be written.
    Pinged,
    No,
}

impl Liveness {
    pub(super) fn new(rules: Keepalive) -> Self {
        Liveness {
            rules,
            watch: Watch::new(rules),
            pinger: None,
            // The first look is what the watch begins with.
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// Looks whether it is time to look. All that came has been read: `reads` is how often something has.
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
                // A server has nobody to prefer.
                Step::Wait(next) | Step::Suspect(next) => self.timer.as_mut().reset(next),
                // A request does not wake it: it looks for one now and then.
                Step::Sleep => self.timer.as_mut().reset(Instant::now() + self.rules.interval),
                Step::Ping(next) => {
                    self.timer.as_mut().reset(next);
                    if self.pinger.is_none() {
                        self.pinger = connection.ping_pong();
                    }
                    if let Some(pinger) = &mut self.pinger {
                        // The answer to the last one. One that is still to come is as good as a new ping.
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
