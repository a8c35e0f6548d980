//! The health check of an upgraded instance. Spec: provider 3.7.

use std::time::Duration;

use squall_grpc::Patience;
use squall_platform::Platform;
use tokio::time::Instant;

use super::Upgrade;
use crate::Canary;
use crate::executor::Observed;
use crate::fleet::Fleet;
use crate::instance::State;

/// Observes an instance for one window, and returns what is wrong with it, if anything.
pub(super) async fn trouble<P: Platform>(fleet: &Fleet<P>, upgrade: &Upgrade<P>) -> Option<String> {
    let canary = &fleet.ground.config.canary;
    let executor = upgrade.instance().executor();
    executor.work().observe();
    let begun = Instant::now();
    Patience::new(canary.observation_window).over().await;
    // A process that stood still has delayed its calls, whatever its modules.
    let stood_still = begun.elapsed().saturating_sub(canary.observation_window);
    let seen = executor.work().observed();
    let why = judged(canary, upgrade.instance().state(), seen, stood_still);
    let step = if why.is_none() { "healthy" } else { "unhealthy" };
    upgrade.tell(step);
    let manager = upgrade.manager();
    why.map(|why| format!("Instance {manager} failed health check after canary deployment: {why}"))
}

/// Spec: provider 3.7, ours.
fn judged(canary: &Canary, state: State, seen: Observed, stood_still: Duration) -> Option<String> {
    let Observed {
        executions,
        succeeded,
        latency_max,
    } = seen;
    if !state.is_healthy() {
        Some(format!("it is {state}"))
    } else if !canary.health_threshold.is_reached_by(succeeded, executions) {
        let threshold = canary.health_threshold;
        Some(format!(
            "{succeeded} of {executions} executions succeeded, fewer than {threshold}"
        ))
    } else if latency_max > canary.max_latency.saturating_add(stood_still) {
        let most = canary.max_latency;
        Some(format!("an execution took {latency_max:?}, more than {most:?}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(executions: u64, succeeded: u64, latency_ms: u64) -> Observed {
        Observed {
            executions,
            succeeded,
            latency_max: Duration::from_millis(latency_ms),
        }
    }

    #[test]
    fn state_errors_and_latency_each_count() {
        let canary = Canary::default();
        let judged = |state, seen| judged(&canary, state, seen, Duration::ZERO);
        assert_eq!(judged(State::Active, seen(0, 0, 0)), None);
        assert_eq!(judged(State::Active, seen(100, 95, 5000)), None);
        for (state, seen, why) in [
            (State::Reconnecting, seen(0, 0, 0), "it is reconnecting"),
            (
                State::Active,
                seen(100, 94, 0),
                "94 of 100 executions succeeded, fewer than 95/100",
            ),
            (
                State::Active,
                seen(100, 100, 5001),
                "an execution took 5.001s, more than 5s",
            ),
        ] {
            assert_eq!(judged(state, seen).as_deref(), Some(why));
        }
    }
    #[test]
    fn how_long_the_process_stood_still_is_not_held_against_its_modules() {
        let canary = Canary::default();
        let judged = |latency_ms, still| {
            let still = Duration::from_secs(still);
            judged(&canary, State::Active, seen(10, 10, latency_ms), still)
        };
        assert_eq!(judged(25_000, 20), None);
        assert!(judged(25_001, 20).is_some());
    }
}
