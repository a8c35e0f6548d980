//! Whether a peer that says nothing is still there: HTTP/2 pings, sparingly.
//!
//! The kernel asks the machine (TCP keepalive, see `Platform`), and costs nobody anything. A ping asks the process. It
//! is for what the kernel cannot see: a process that hangs, or a middlebox that answers for a machine that is gone.
//!
//! | subject | file |
//! |---|---|
//! | when to ping, and when to give up | `watch` |
//! | what was read, counted where it comes in | `counted` |

mod counted;
mod watch;

use std::time::Duration;

pub(crate) use counted::{Counted, Reads};
pub(crate) use watch::{Seen, Step, Watch};

/// When a connection is pinged, and when its peer counts as gone. All durations are measured on tokio's clock.
///
/// Anything that is read is a sign of life, not only the answer to a ping: it puts the next ping off, and a ping that
/// waits for its answer behind other data kills nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// After how long a silence a ping is sent. It may take a quarter longer.
    pub interval: Duration,
    /// How long nothing at all may come after a ping before the connection counts as lost.
    pub timeout: Duration,
    /// Whether pings are sent also while no call waits. Servers punish that unless they say otherwise.
    pub while_idle: bool,
    /// How often the peer permits pings between which it has sent neither headers nor data. The first one of a
    /// connection is always permitted.
    pub permitted: Duration,
}

impl Keepalive {
    /// What a client may do at any gRPC server: after 10 s of silence while calls wait, but not more often than every
    /// 5 min without an answer in between; 20 s for something to come. Spec: gRPC proposals A8 and A9.
    pub const fn client() -> Self {
        Keepalive {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(20),
            while_idle: false,
            permitted: Duration::from_secs(5 * 60),
        }
    }

    /// What servers do: after 2 h of silence, 20 s for something to come.
    pub const fn server() -> Self {
        Keepalive {
            interval: Duration::from_secs(2 * 60 * 60),
            timeout: Duration::from_secs(20),
            while_idle: true,
            permitted: Duration::ZERO,
        }
    }

    /// What modules of TinySystems do among themselves: 10 s, 3 s, also while nothing is in flight. Their servers permit
    /// a ping every 5 s. Spec: router 1.10, 4.3.
    pub const fn tiny_systems() -> Self {
        Keepalive {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            while_idle: true,
            permitted: Duration::from_secs(5),
        }
    }

    /// The same, with pings no sooner than after that long a silence: for protocols with heartbeats of their own, which
    /// say when a peer is gone.
    #[must_use]
    pub fn no_sooner_than(self, silence: Duration) -> Self {
        Keepalive {
            interval: self.interval.max(silence),
            ..self
        }
    }

    /// Half as often: what a peer asks for that says `too_many_pings`. Spec: gRPC proposal A8.
    #[must_use]
    pub fn doubled(self) -> Self {
        Keepalive {
            interval: self.interval.saturating_mul(2),
            permitted: self.permitted.saturating_mul(2),
            ..self
        }
    }
}
