//! A provider that is silent longer than its timeout is deregistered within the timeout and one check period, and not
//! earlier. Spec: provider 2.7.
//!
//! A provider is silent if it is registered without a control plane, or active without a heartbeat. Draining providers
//! have another deadline, and are not judged.
//!
//! A paused manager receives nothing: messages of its providers wait in its sockets. So a pause does not count as
//! silence, except for its first check period, when the manager may still have been running. A late check first allows
//! time to read what has arrived, so the manager may be late by the pause and one more period.

use squall_core::calls::Moment;
use squall_core::oracle::{First, Oracle, Run, SLACK, Violation};
use squall_core::time;

use crate::evidence::{Change, Connection, Providers};
use crate::plan::{Manager, ProviderState};

/// How often a manager checks its timeouts. Spec: provider 2.1.
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

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let providers = run.evidence::<Providers>();
        for connection in &providers.connections {
            let Some(manager) = run.plan.topology.all::<Manager>().get(&*connection.manager) else {
                continue;
            };
            for silence in silences(run, connection, manager) {
                first.judges();
                if let Some((at, what)) = silence.complaint(run, connection) {
                    let violation = || Violation {
                        from: connection.host.to_string(),
                        to: connection.manager.to_string(),
                        ..run.of_world(None, at.at, what)
                    };
                    first.offer(at, violation);
                }
            }
        }
        first.result()
    }
}

/// From one message of a provider until the next, or until its manager reacts.
struct Silence<'a> {
    from: Moment,
    until: Moment,
    timeout: u64,
    /// The state change that ends it, if no message does.
    change: Option<&'a Change>,
    /// The manager's cause at the timeout.
    cause: &'static str,
}

fn silences<'a>(run: &Run<'_>, connection: &'a Connection, manager: &Manager) -> Vec<Silence<'a>> {
    let last = Moment {
        at: run.history.ended(),
        line: u64::MAX,
    };
    let mut silences = Vec::new();
    for (place, change) in connection.states.iter().enumerate() {
        let next = connection.states.get(place + 1);
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
    fn complaint(&self, run: &Run<'_>, connection: &Connection) -> Option<(Moment, String)> {
        let took = self.until.at.saturating_sub(self.from.at);
        let given = time::exact(self.timeout);
        let is_timed_out = self.change.is_some_and(|change| &*change.cause == self.cause);
        let latest = self.timeout + CHECK_PERIOD + SLACK;
        if !is_timed_out && took <= latest {
            return None;
        }
        let pauses = || {
            let pauses = run
                .history
                .pauses(&connection.manager, self.from.at, self.until.at);
            pauses.map(|(from, until)| until - from)
        };
        let paused: u64 = pauses().sum();
        let silent = match paused {
            0 => time::exact(took),
            _ => format!("{} ({} of them paused)", time::exact(took), time::exact(paused)),
        };
        let noticed: u64 = pauses().map(|pause| pause.saturating_sub(CHECK_PERIOD)).sum();
        if is_timed_out && took <= self.timeout + noticed {
            let what = format!("deregistered after a silence of {silent} of {given}");
            return Some((self.until, what));
        }
        let to_read = if paused == 0 { 0 } else { CHECK_PERIOD };
        (took > latest + paused + to_read).then(|| {
            let what = format!("not deregistered after a silence of {silent} of {given}");
            (self.until, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use squall_core::journal::Event;

    use super::*;
    use crate::journal::ProviderEvent;
    use crate::testing::HEARTBEAT_TIMEOUT as TIMEOUT;
    use crate::testing::{MS, OfAFleet, S, Script, assert_holds, broken, find};

    /// A provider whose last message arrives at 20 s.
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

    fn the_end(entries: &[squall_core::journal::Entry]) -> usize {
        let is_end = |event: &Event| matches!(event.get(), Some(ProviderEvent::State { state, .. }) if &**state == "deregistered");
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

    /// A provider whose last message arrives at 1 s, and a manager that is paused from 10 s to 40 s.
    fn of_a_pause(deregistered_at: u64) -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0");
        script.at(10 * S).push("engine", Event::HostPaused);
        script.at(40 * S).push("engine", Event::HostResumed);
        script
            .at(deregistered_at)
            .leaves("a", "ml-0", "heartbeat timeout");
        script
    }

    #[test]
    fn a_paused_manager_may_be_late_by_as_much_as_it_was_paused_and_a_period_to_read() {
        // 15 s without the pause are over at 46 s.
        for (at, holds) in [(46 * S, true), (48 * S, true), (48 * S + 3 * MS, false)] {
            let (plan, journal) = of_a_pause(at).finish();
            assert_eq!(
                SilentProvider.check(&Run::of(&plan, &journal)).is_ok(),
                holds,
                "{at}"
            );
        }
    }

    #[test]
    fn a_manager_that_gives_up_who_was_silent_only_while_it_stood_still_is_found() {
        for (at, holds) in [(40, false), (45, false), (46, true)] {
            let (plan, journal) = of_a_pause(at * S).finish();
            let checked = SilentProvider.check(&Run::of(&plan, &journal));
            assert_eq!(checked.is_ok(), holds, "{at} s");
            if at == 40 {
                assert_eq!(
                    checked.unwrap_err().what,
                    "deregistered after a silence of 39 s (30 s of them paused) of 15 s"
                );
            }
        }
    }
}
