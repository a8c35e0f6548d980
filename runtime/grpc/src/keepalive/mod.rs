//! Detects whether a silent peer is alive: HTTP/2 pings, used sparingly.
//!
//! The kernel checks the machine (TCP keepalive, see `Platform`), at no cost here. A ping checks the process. It
//! detects failures that the kernel cannot see: a process that hangs, or a middlebox that answers for a machine that
//! is gone.
//!
//! | subject | file |
//! |---|---|
//! | when to ping, and when to give up | `watch` |
//! | counting received data | `counted` |

mod counted;
mod watch;

use std::time::Duration;

pub(crate) use counted::{Counted, Reads};
pub(crate) use watch::{Seen, Step, Watch};

/// When a connection is pinged, and when its peer counts as gone. All durations are measured on tokio's clock.
///
/// Any read is a sign of life, not only the response to a ping. It postpones the next ping, and a ping whose response
/// waits behind other data ends no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// The silence after which a ping is sent. It may take a quarter longer.
    pub interval: Duration,
    /// The silence after a ping after which the connection counts as lost.
    pub timeout: Duration,
    /// Whether pings are also sent while no call waits. Servers punish that unless they permit it.
    pub while_idle: bool,
    /// The interval at which the peer permits pings without headers or data from it in between. The first ping of a
    /// connection is always permitted.
    pub permitted: Duration,
}

impl Keepalive {
    /// What a client may do at any gRPC server: ping after 10 s of silence while calls wait, but at most every 5 min
    /// without a response in between; 20 s for something to arrive. Spec: gRPC proposals A8 and A9.
    pub const fn client() -> Self {
        Keepalive {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(20),
            while_idle: false,
            permitted: Duration::from_secs(5 * 60),
        }
    }

    /// The behaviour of servers: ping after 2 h of silence, 20 s for something to arrive.
    pub const fn server() -> Self {
        Keepalive {
            interval: Duration::from_secs(2 * 60 * 60),
            timeout: Duration::from_secs(20),
            while_idle: true,
            permitted: Duration::ZERO,
        }
    }

    /// The behaviour of TinySystems' modules among themselves: 10 s, 3 s, also while nothing is in flight. Their
    /// servers permit a ping every 5 s. Spec: router 1.10, 4.3.
    pub const fn tiny_systems() -> Self {
        Keepalive {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            while_idle: true,
            permitted: Duration::from_secs(5),
        }
    }

    /// The same, but with pings only after at least this silence: for protocols with their own heartbeats, which
    /// detect dead peers.
    #[must_use]
    pub fn no_sooner_than(self, silence: Duration) -> Self {
        Keepalive {
            interval: self.interval.max(silence),
            ..self
        }
    }

    /// Half as often: the reaction to a peer's `too_many_pings`. Spec: gRPC proposal A8.
    #[must_use]
    pub fn doubled(self) -> Self {
        Keepalive {
            interval: self.interval.saturating_mul(2),
            permitted: self.permitted.saturating_mul(2),
            ..self
        }
    }
}
