//! The configuration of a provider. Spec: provider 3.1.

use std::time::Duration;

use squall_grpc::Dial;
use squall_value::Limits;

/// The configuration of a provider. Where the existing SDKs have the same setting, the defaults are theirs. Spec:
/// provider 3.1.
///
/// All durations are measured on tokio's clock.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port for calls; 0 takes a free one. Managers get the port that was actually bound. 9091.
    pub executor_port: u16,
    /// The name or address by which managers reach this host, without scheme and port. `localhost`.
    pub executor_host: String,
    /// How often heartbeats are sent. 5 s.
    pub heartbeat_interval: Duration,
    /// The time without an acknowledged heartbeat after which the manager counts as dead; three intervals when
    /// absent.
    pub ack_timeout: Option<Duration>,
    /// The maximum wait before the first attempt to reconnect: see [`Config::reconnect_attempts`]. 1 s.
    pub reconnect_first: Duration,
    /// The maximum wait before any attempt to reconnect. 60 s.
    pub reconnect_max: Duration,
    /// The number of consecutive failures after which a manager is given up; `u32::MAX`: never. 10.
    ///
    /// Attempt `n` waits for a random share, between half and all, of `min(reconnect_first * 2^(n-1),
    /// reconnect_max)`, so that a fleet does not reconnect at the same time. The platform's randomness decides the
    /// share: under test it is the same each time. A registration with an open control plane resets the count. Spec:
    /// provider 3.4.
    pub reconnect_attempts: u32,
    /// The group that shares the namespace; a provider without one owns its namespace alone.
    pub group: Option<String>,
    /// How new modules are rolled out.
    pub canary: Canary,
    /// The time limit for a manager's response to a request. 10 s.
    pub request_timeout: Duration,
    /// Reports of active modules within this time after a registration are ignored, so that modules that a manager
    /// does not keep are registered again once per period, and not in a tight loop. 5 s.
    pub resync_pause: Duration,
    /// The time in which calls in flight have to finish when the provider stops. 30 s.
    pub stop_grace: Duration,
    /// The maximum size of an input and an output, in bytes. gRPC's own limit: 4 MiB.
    pub max_message_bytes: usize,
    /// The maximum depth and number of values of inputs; their size is limited by that of a message.
    pub limits: Limits,
    /// How connections to managers are opened and kept: without pings by default. A slow manager still has the full
    /// acknowledgement timeout: HTTP/2 pings no earlier than that.
    pub dial: Dial,
}

impl Config {
    /// The time without an acknowledged heartbeat after which the manager counts as dead.
    pub(crate) fn ack_timeout(&self) -> Duration {
        self.ack_timeout
            .unwrap_or_else(|| self.heartbeat_interval.saturating_mul(3))
    }

    /// How connections to managers are kept: acknowledgements detect a dead manager, and pings would not detect it
    /// earlier.
    pub(crate) fn patient_dial(&self) -> Dial {
        let keepalive = self.dial.keepalive;
        Dial {
            keepalive: keepalive.map(|it| it.no_sooner_than(self.ack_timeout())),
            ..self.dial
        }
    }

    /// The limits of an input.
    pub(crate) fn input_limits(&self) -> Limits {
        Limits {
            bytes_max: self.max_message_bytes,
            ..self.limits
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            executor_port: 9091,
            executor_host: "localhost".to_owned(),
            heartbeat_interval: Duration::from_secs(5),
            ack_timeout: None,
            reconnect_first: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(60),
            reconnect_attempts: 10,
            group: None,
            canary: Canary::default(),
            request_timeout: Duration::from_secs(10),
            resync_pause: Duration::from_secs(5),
            stop_grace: Duration::from_secs(30),
            max_message_bytes: 4 * 1024 * 1024,
            limits: Limits::default(),
            dial: Dial {
                keepalive: None,
                ..Dial::default()
            },
        }
    }
}

/// How new modules are rolled out, and when they are healthy. Spec: provider 3.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// How long an upgraded instance is observed. 30 s.
    pub observation_window: Duration,
    /// The minimum success rate of executions in the window. 95 of 100.
    pub health_threshold: Ratio,
    /// The maximum latency of an execution in the window. 5 s.
    pub max_latency: Duration,
    /// Whether all instances are rolled back when one is not healthy. True.
    pub rollback_on_failure: bool,
}

impl Default for Canary {
    fn default() -> Self {
        Canary {
            observation_window: Duration::from_secs(30),
            health_threshold: Ratio::new(95, 100),
            max_latency: Duration::from_secs(5),
            rollback_on_failure: true,
        }
    }
}

/// An exact share of a whole: comparisons do not depend on the rounding of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    part: u32,
    whole: u32,
}

impl Ratio {
    /// `part` out of `whole`. A share of more than the whole is never reached.
    ///
    /// # Panics
    /// When `whole` is 0.
    pub const fn new(part: u32, whole: u32) -> Self {
        assert!(whole > 0, "a share of nothing is none");
        Ratio { part, whole }
    }

    /// True when `count` out of `total` is at least this share; always true for a total of 0.
    pub fn is_reached_by(self, count: u64, total: u64) -> bool {
        u128::from(count) * u128::from(self.whole) >= u128::from(total) * u128::from(self.part)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_compared_exactly() {
        let share = Ratio::new(95, 100);
        assert!(share.is_reached_by(95, 100));
        assert!(share.is_reached_by(19, 20));
        assert!(!share.is_reached_by(18, 19));
        assert!(share.is_reached_by(0, 0));
        assert!(!share.is_reached_by(u64::MAX / 100 * 94, u64::MAX));
        assert!(Ratio::new(0, 1).is_reached_by(0, 7));
    }

    #[test]
    fn missing_acks_count_in_intervals_unless_they_have_a_timeout_of_their_own() {
        let config = Config {
            heartbeat_interval: Duration::from_secs(2),
            ..Config::default()
        };
        assert_eq!(config.ack_timeout(), Duration::from_secs(6));
        let config = Config {
            ack_timeout: Some(Duration::from_secs(1)),
            ..config
        };
        assert_eq!(config.ack_timeout(), Duration::from_secs(1));
    }
}
