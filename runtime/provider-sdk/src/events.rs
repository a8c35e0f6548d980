//! All `tracing` events of this crate. They are defined in `squall-events`.
//!
//! Field values are computed only when a subscriber takes the event. Digests are xxh3-64 of JSON, 0 for none;
//! `execution` is the low half of the execution's identifier. Values are never part of an event, because they may
//! hold secrets.

use std::net::SocketAddr;
use std::time::Duration;

use squall_events::provider as said;
use squall_platform::Authority;
use xxhash_rust::xxh3::xxh3_64;

use crate::failure::Failure;

/// A transition of one instance, and why.
pub(crate) fn instance_state(
    manager: &Authority,
    namespace: &str,
    connection: &str,
    state: &str,
    cause: &str,
) {
    said::InstanceState::say(|| said::InstanceState {
        manager: manager.as_str().into(),
        namespace: namespace.into(),
        connection: connection.into(),
        state: state.into(),
        cause: cause.into(),
    });
}

/// A heartbeat is sent. The timestamp is that of the wall clock, in milliseconds since 1970.
pub(crate) fn heartbeat_sent(connection: &str, timestamp: i64) {
    said::HeartbeatSent::say(|| said::HeartbeatSent {
        connection: connection.into(),
        timestamp: u64::try_from(timestamp).unwrap_or(0),
    });
}

/// The platform has injected a fault: this heartbeat is not sent.
pub(crate) fn heartbeat_suppressed(connection: &str) {
    said::HeartbeatSuppressed::say(|| said::HeartbeatSuppressed {
        connection: connection.into(),
    });
}

/// One step of a rollout: `upgraded`, `healthy`, `unhealthy`, `rolled back`.
pub(crate) fn canary_step(instance: &Authority, step: &str, version: &str) {
    said::CanaryStep::say(|| said::CanaryStep {
        instance: instance.as_str().into(),
        step: step.into(),
        version: version.into(),
    });
}

/// The end of a rollout.
pub(crate) fn canary_ended(outcome: &str, reason: &str) {
    said::CanaryEnded::say(|| said::CanaryEnded {
        outcome: outcome.into(),
        reason: reason.into(),
    });
}

/// The fields of [`Execution::started`].
pub(crate) struct ExecutionStarted<'a> {
    pub(crate) id: &'a str,
    /// The short name.
    pub(crate) module: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) executor: SocketAddr,
    /// The remaining time of the caller.
    pub(crate) timeout: Option<Duration>,
    /// As JSON.
    pub(crate) input: &'a [u8],
}

/// An execution, from `execution.started` to `execution.ended`. The end is also reported when its caller gives up and
/// the handler is dropped.
pub(crate) struct Execution {
    id: u64,
    ended: bool,
}

impl Execution {
    pub(crate) fn started(it: &ExecutionStarted<'_>) -> Self {
        let id = low_half(it.id);
        said::ExecutionStarted::say(|| said::ExecutionStarted {
            execution: id,
            module: it.module.into(),
            namespace: it.namespace.into(),
            instance: it.executor.to_string().into(),
            timeout: it
                .timeout
                .map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX)),
            bytes: it.input.len() as u64,
            digest: digest(it.input),
        });
        Execution { id, ended: false }
    }

    pub(crate) fn ended(mut self, result: &Result<Vec<u8>, Failure>) {
        self.ended = true;
        match result {
            Ok(output) => self.emit("ok", "", output),
            Err(failure @ Failure::Panic(_)) => self.emit("panic", failure.code(), &[]),
            Err(failure @ Failure::Overdue) => self.emit("dropped", failure.code(), &[]),
            Err(failure) => self.emit("error", failure.code(), &[]),
        }
    }

    fn emit(&self, how: &str, error: &str, output: &[u8]) {
        said::ExecutionEnded::say(|| said::ExecutionEnded {
            execution: self.id,
            how: how.into(),
            error: error.into(),
            bytes: output.len() as u64,
            digest: digest(output),
        });
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.ended {
            self.emit("dropped", "", &[]);
        }
    }
}

fn digest(json: &[u8]) -> u64 {
    if json.is_empty() { 0 } else { xxh3_64(json) }
}

/// The last 64 bits of an identifier in hexadecimal, with dashes or without; for any other text its digest.
fn low_half(id: &str) -> u64 {
    let digits: String = id.chars().filter(|&c| c != '-').collect();
    let start = digits.len().saturating_sub(16);
    if digits.len() < 16 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return xxh3_64(id.as_bytes());
    }
    u64::from_str_radix(&digits[start..], 16).expect("sixteen digits are 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_known_by_the_low_half_of_its_identifier() {
        assert_eq!(low_half("000000000000000100000000000000ff"), 0xff);
        assert_eq!(
            low_half("550e8400-e29b-41d4-a716-446655440000"),
            0xa716_4466_5544_0000
        );
        for other in ["", "exec-1", "+000000000000000f", "éééééééééééééééé"] {
            assert_eq!(low_half(other), xxh3_64(other.as_bytes()), "{other}");
        }
    }
}
