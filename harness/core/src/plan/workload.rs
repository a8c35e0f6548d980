//! Streams of calls.

use std::sync::Arc;
use std::time::Duration;

use super::Target;
use crate::time;

/// A stream of calls.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Unique in the scenario.
    pub name: String,
    /// The hosts where the calls start, taken in turn.
    pub from: Vec<String>,
    /// The target of the calls.
    pub target: Arc<dyn Target>,
    /// When calls start.
    pub arrival: Arrival,
    /// No call starts before.
    pub start: Duration,
    /// No call starts at or after.
    pub end: Duration,
    /// The maximum number of calls.
    pub limit: Option<u64>,
    /// The timeout of one call; `None` is the default of the source host's group.
    pub timeout: Option<Duration>,
}

impl PartialEq for Workload {
    fn eq(&self, other: &Self) -> bool {
        let rest = |it: &Workload| {
            (
                it.name.clone(),
                it.from.clone(),
                it.arrival.clone(),
                (it.start, it.end),
                it.limit,
                it.timeout,
            )
        };
        *self.target == *other.target && rest(self) == rest(other)
    }
}

impl Workload {
    /// How many calls an open loop will make; unknown for a closed one.
    pub fn calls_planned(&self) -> Option<u64> {
        let Arrival::Open { calls, per } = self.arrival else {
            return None;
        };
        let length = self.end.saturating_sub(self.start);
        let ticks = u128::from(calls) * u128::from(time::nanos(length));
        let made = ticks.div_ceil(u128::from(time::nanos(per).max(1)));
        let made = u64::try_from(made).unwrap_or(u64::MAX);
        Some(self.limit.map_or(made, |limit| made.min(limit)))
    }
}

/// When the calls of a workload start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Open loop: one call per interval, regardless of how long calls take.
    Open {
        /// Calls per this...
        calls: u64,
        /// ...period.
        per: Duration,
    },
    /// Closed loop: a number of clients, each with one call at a time.
    Closed {
        /// How many.
        clients: u32,
        /// How long a client waits after a response before its next call.
        think: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;

    #[test]
    fn the_calls_of_an_open_loop_are_known_before_it_runs() {
        let (plan, _) = Script::new().finish();
        let mut workload = plan.workloads[0].clone();
        workload.arrival = Arrival::Open {
            calls: 100_000,
            per: Duration::from_secs(1),
        };
        (workload.start, workload.end) = (Duration::from_secs(10), Duration::from_secs(70));
        assert_eq!(workload.calls_planned(), Some(6_000_000));
        workload.limit = Some(5);
        assert_eq!(workload.calls_planned(), Some(5));
        workload.arrival = Arrival::Closed {
            clients: 7,
            think: Duration::ZERO,
        };
        assert_eq!(workload.calls_planned(), None);
    }
}
