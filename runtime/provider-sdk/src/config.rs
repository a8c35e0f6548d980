//! What a provider can be told. Spec: provider 3.1.

use std::time::Duration;

use squall_grpc::Dial;
use squall_value::Limits;

/// How a provider behaves. The defaults are those of the existing SDKs where they have the setting.
/// Spec: provider 3.1.
///
/// All durations are measured on tokio's clock.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where calls come in; 0 takes a free port. What managers are told is the port that was really bound. 9091.
    pub executor_port: u16,
    /// Under which name or address managers reach this host: a host without scheme and port. `localhost`.
    pub executor_host: String,
    /// How often heartbeats are sent. 5 s.
    pub heartbeat_interval: Duration,
    /// How long no heartbeat need be acknowledged before the manager counts as dead; three intervals when absent.
    pub ack_timeout: Option<Duration>,
    /// How long the first attempt to reconnect waits, at most: see [`Config::reconnect_attempts`]. 1 s.
    pub reconnect_first: Duration,
    /// How long any attempt to reconnect waits, at most. 60 s.
    pub reconnect_max: Duration,
    /// After so many failures in a row a manager is given up; `u32::MAX` never does. 10.
    ///
    /// Attempt `n` waits `min(reconnect_first * 2^(n-1), reconnect_max)`, and of that a random share between half
    /// and all, so that a fleet does not come back at once. The platform's randomness decides the share: under test
    /// it is the same each time. A registration with an open control plane ends the row. Spec: provider 3.4.
    pub reconnect_attempts: u32,
    /// The group that shares the namespace; a provider without one owns its namespace alone.
    pub group: Option<String>,
    /// How new modules are rolled out.
    pub canary: Canary,
    /// How long a manager may take to answer one request. 10 s.
    pub request_timeout: Duration,
    /// Reports of active modules that come sooner after a registration are not acted on: so modules that a manager
    /// does not keep are registered again once in this time, and not in a tight loop. 5 s.
    pub resync_pause: Duration,
    /// How long calls in flight have to finish when the provider stops. 30 s.
    pub stop_grace: Duration,
    /// The size that an input and an output may have, in bytes. gRPC's own limit: 4 MiB.
    pub max_message_bytes: usize,
    /// How deep inputs may nest and how many values they may have; their size is that of a message.
    pub limits: Limits,
    /// How connections to managers are opened and kept: without pings by default. A manager that is merely slow has as
    /// long as the acks are waited for all the same: HTTP/2 pings no earlier than that.
    pub dial: Dial,
}

impl Config {
    /// How long no heartbeat need be acknowledged before the manager counts as dead.
    pub(crate) fn ack_timeout(&self) -> Duration {
        self.ack_timeout
            .unwrap_or_else(|| self.heartbeat_interval.saturating_mul(3))
    }

    /// How connections to managers are kept: acknowledgements say whether they live, and no ping says so sooner.
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

/// How new modules are rolled out, and when they are well. Spec: provider 3.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// How long an upgraded instance is observed. 30 s.
    pub observation_window: Duration,
    /// The share of executions in the window that must succeed. 95 of 100.
    pub health_threshold: Ratio,
    /// The longest that an execution in the window may take. 5 s.
    pub max_latency: Duration,
    /// Whether all instances go back to the old modules when one is not well. True.
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

/// A share of a whole, exactly: a comparison never depends on how a float is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    part: u32,
    whole: u32,
}

impl Ratio {
    /// `part` out of `whole`. Nothing reaches a share of more than the whole.
    ///
    /// # Panics
    /// When `whole` is 0.
    pub const fn new(part: u32, whole: u32) -> Self {
        assert!(whole > 0, "a share of nothing is none");
        Ratio { part, whole }
    }

    /// True when `count` out of `total` is this share or more; nothing at all is always enough.
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
