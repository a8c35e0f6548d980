//! A provider that is silent longer than its timeout is deregistered within that timeout and one check period, and not
//! earlier. Spec: provider 2.7.
//!
//! Silent is who has registered without a control plane, or is active without a heartbeat. Who drains has another
//! deadline, and is not spoken of. A manager that is paused checks nothing: then, as long as it was paused, it may be
//! late.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::Moment;
use crate::plan::{Manager, ProviderState};
use crate::providers::{Change, Connection};
use crate::time;

/// How often a manager looks at its timeouts. Spec: provider 2.1.
const CHECK_PERIOD: u64 = 1_000_000_000;

const HEARTBEAT_TIMEOUT: &str = "heartbeat timeout";
const CONTROL_PLANE_TIMEOUT: &str = "control plane timeout";

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct SilentProvider;

impl Oracle for SilentProvider {
    fn name(&self) -> &'static str {
        "silent provider"
    }

    fn promise(&self) -> &'static str {
        "a silent provider is deregistered at its timeout, and not before"
    }

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let mut first = First::default();
        for connection in &run.providers.connections {
            let Some(manager) = run.plan.topology.managers.get(connection.manager) else {
                continue;
            };
            for silence in silences(run, connection, manager) {
                if let Some((at, what)) = silence.complaint(run, connection) {
                    let violation = || Violation {
                        from: connection.host.to_owned(),
                        to: connection.manager.to_owned(),
                        ..run.of_world(None, at.at, what)
                    };
                    first.offer(at, violation);
                }
            }
        }
        first.result()
    }
}

/// From when a manager heard of a provider until it heard of it again, or until it did something about it.
struct Silence<'j> {
    from: Moment,
    until: Moment,
    timeout: u64,
    /// What ends it, when it is not a sign of life.
    change: Option<Change<'j>>,
    /// What the manager calls it when the time is up.
    cause: &'static str,
}

fn silences<'j>(run: &Run<'_>, connection: &Connection<'j>, manager: &Manager) -> Vec<Silence<'j>> {
    let last = Moment {
        at: run.history.ended(),
        line: u64::MAX,
    };
    let mut silences = Vec::new();
    for (place, change) in connection.states.iter().enumerate() {
        let next = connection.states.get(place + 1).copied();
        let (timeout, cause, signs) = match change.state {
            ProviderState::Registered => (manager.control_plane_timeout, CONTROL_PLANE_TIMEOUT, &[][..]),
            ProviderState::Active => (
                manager.heartbeat_timeout,
                HEARTBEAT_TIMEOUT,
                &connection.heartbeats[..],
            ),
            ProviderState::Draining | ProviderState::Deregistered => continue,
        };
        let end = next.map_or(last, |next| next.moment);
        let timeout = time::nanos(timeout);
        let mut from = change.moment;
        for sign in signs.iter().filter(|sign| change.moment < **sign && **sign < end) {
            silences.push(Silence {
                from,
                until: *sign,
                timeout,
                change: None,
                cause,
            });
            from = *sign;
        }
        silences.push(Silence {
            from,
            until: end,
            timeout,
            change: next,
            cause,
        });
    }
    silences
}

impl Silence<'_> {
    fn complaint(&self, run: &Run<'_>, connection: &Connection<'_>) -> Option<(Moment, String)> {
        let took = self.until.at.saturating_sub(self.from.at);
        let (silent, given) = (time::exact(took), time::exact(self.timeout));
        let is_timed_out = self.change.is_some_and(|change| change.cause == self.cause);
        if is_timed_out && took <= self.timeout {
            let what = format!("deregistered after a silence of {silent} of {given}");
            return Some((self.until, what));
        }
        let latest = self.timeout + CHECK_PERIOD + SLACK;
        if took <= latest {
            return None;
        }
        let paused = run
            .history
            .paused(connection.manager, self.from.at, self.until.at);
        (took > latest + paused).then(|| {
            let what = format!("not deregistered after a silence of {silent} of {given}");
            (self.until, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, ProviderEvent};
    use crate::testing::fleet::HEARTBEAT_TIMEOUT as TIMEOUT;
    use crate::testing::{MS, S, Script, assert_holds, broken, find};

    /// A provider that is heard of until 20 s, and then never again.
    fn script() -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0");
        for at in [5, 10, 15, 20] {
            script.at(at * S).heartbeat("a");
        }
        script
            .at(20 * S + TIMEOUT + 500 * MS)
            .leaves("a", "ml-0", "heartbeat timeout");
        script
    }

    fn the_end(entries: &[crate::journal::Entry]) -> usize {
        let is_end = |event: &Event| matches!(event, Event::Provider(ProviderEvent::State { state, .. }) if &**state == "deregistered");
        find(entries, is_end)
    }

    #[test]
    fn a_provider_that_is_deregistered_too_early_is_found() {
        let violation = broken(&SilentProvider, script(), |entries| {
            let end = the_end(entries);
            entries[end].at = 20 * S + TIMEOUT;
        });
        assert_eq!(violation.what, "deregistered after a silence of 15 s of 15 s");
        assert_eq!(
            (violation.from.as_str(), violation.to.as_str()),
            ("ml-0", "engine")
        );
    }

    #[test]
    fn a_provider_that_is_deregistered_too_late_or_never_is_found() {
        let late = broken(&SilentProvider, script(), |entries| {
            let end = the_end(entries);
            entries[end].at = 21 * S + TIMEOUT + 2 * MS + 1;
        });
        assert_eq!(
            late.what,
            "not deregistered after a silence of 16.002000001 s of 15 s"
        );
        let never = broken(&SilentProvider, script(), |entries| {
            entries.remove(the_end(entries));
        });
        assert_eq!(never.what, "not deregistered after a silence of 40 s of 15 s");
    }

    #[test]
    fn a_provider_without_a_control_plane_has_a_timeout_of_its_own() {
        for (at, holds) in [(30, false), (31, true), (32, false)] {
            let mut script = Script::of_a_fleet();
            script.at(0).registers("a", "ml-0");
            script.at(at * S).leaves("a", "ml-0", "control plane timeout");
            let (plan, journal) = script.finish();
            assert_eq!(
                SilentProvider.check(&Run::of(&plan, &journal)).is_ok(),
                holds,
                "{at} s"
            );
        }
    }

    #[test]
    fn who_leaves_or_is_lost_may_do_so_at_any_time() {
        let mut script = Script::of_a_fleet();
        script
            .at(S)
            .joins("a", "ml-0")
            .at(2 * S)
            .leaves("a", "ml-0", "stream ended");
        script
            .at(S)
            .joins("b", "ml-1")
            .at(2 * S)
            .enters("b", "ml-1", "draining", "drain requested");
        assert_holds(&SilentProvider, script);
    }

    #[test]
    fn a_paused_manager_may_be_late_by_as_much_as_it_was_paused() {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0");
        script.at(10 * S).push("engine", Event::HostPaused);
        script.at(40 * S).push("engine", Event::HostResumed);
        script.at(41 * S).leaves("a", "ml-0", "heartbeat timeout");
        assert_holds(&SilentProvider, script);
    }
}
