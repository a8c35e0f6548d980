//! Noticing that a peer is gone.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep};

use super::Serving;

/// Pings a peer that has been silent for an interval, and gives it up when it stays silent.
///
/// ```text
///            silent for the interval            silent for the timeout
///   Quiet --------------------------> Pinged ------------------------> lost
///     ^         anything comes in       |
///     +---------------------------------+
/// ```
pub(super) struct Liveness {
    pinger: PingPong,
    serving: Serving,
    /// How much had come in when it was last looked at, and when that was.
    reads: u64,
    heard: Instant,
    is_pinged: bool,
    timer: Pin<Box<Sleep>>,
}

impl Liveness {
    pub(super) fn new(pinger: Option<PingPong>, serving: Serving) -> Option<Self> {
        Some(Liveness {
            pinger: pinger?,
            serving,
            reads: 0,
            heard: Instant::now(),
            is_pinged: false,
            timer: Box::pin(sleep(serving.keepalive_interval)),
        })
    }

    /// Ready when the peer is lost; `reads` is how often something has come in, all of which has been read.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, reads: u64) -> Poll<()> {
        if self.reads != reads {
            self.reads = reads;
            self.heard = Instant::now();
            if self.is_pinged {
                self.is_pinged = false;
                self.wait_for_silence();
            }
            // Its answer to the ping, or whatever else came first: the next ping needs it out of the way.
            drop(self.pinger.poll_pong(context));
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.is_pinged {
                return Poll::Ready(());
            }
            if self.heard.elapsed() < self.serving.keepalive_interval {
                self.wait_for_silence();
                continue;
            }
            // It fails while the answer to an earlier one is out: that is as good.
            drop(self.pinger.send_ping(Ping::opaque()));
            self.is_pinged = true;
            self.timer
                .as_mut()
                .reset(Instant::now() + self.serving.keepalive_timeout);
        }
        Poll::Pending
    }

    fn wait_for_silence(&mut self) {
        let until = self.heard + self.serving.keepalive_interval;
        self.timer.as_mut().reset(until);
    }
}
