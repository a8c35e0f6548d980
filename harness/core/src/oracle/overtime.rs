//! No handler runs past its deadline: neither a router's component nor a provider's module, even if the caller's
//! cancellation cannot reach it. Spec: router S-32, provider section 6, point 11.
//!
//! The limit follows from the handler's own deadline and from its caller. A remote message has at most the time that
//! its sender gave the hop, counted from the handler's start, because receivers do not know the transit time. A local
//! one has at most the time of its cause. The timer tolerance is added, and the time during which the host was paused.
//! A handler without a deadline has no limit.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::{Call, Execution, Moment};
use crate::journal::Id;
use crate::time;

/// How many causes are followed: hops nest no deeper.
const CAUSES_MAX: usize = 512;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Overtime;

impl Oracle for Overtime {
    fn name(&self) -> &'static str {
        "overtime"
    }

    fn promise(&self) -> &'static str {
        "no handler works on after its deadline"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, execution) in run.calls.executions() {
            let Some(until) = worked_until(run, execution) else {
                continue;
            };
            let Some(limit) = limit(run, call, execution) else {
                continue;
            };
            first.judges();
            if until.at <= limit + SLACK {
                continue;
            }
            // Pauses are only looked up for late executions: the lookup is expensive. A call that starts on a paused
            // host has its timeout counted from the time the host resumes.
            let from = execution.started.at;
            let since = call
                .filter(|call| !execution.remote && call.host == execution.host)
                .map_or(from, |call| call.started.at.min(from));
            if until.at <= limit + SLACK + run.history.paused(execution.host, since, until.at) {
                continue;
            }
            let (took, given) = (
                time::exact(until.at - from),
                time::exact(limit.saturating_sub(from)),
            );
            let what = format!("worked for {took}, and had {given}");
            first.offer(until, || run.of_execution(call, execution, until.at, what));
        }
        first.result()
    }
}

/// When it ended, or until when it is known to have run. `None` if its host went down.
pub(super) fn worked_until(run: &Run<'_>, execution: &Execution<'_>) -> Option<Moment> {
    if let Some(end) = execution.end {
        return Some(end.moment);
    }
    let ended = run.history.ended();
    let is_known = !run
        .history
        .stopped_between(execution.host, execution.started.at, ended);
    is_known.then_some(Moment {
        at: ended,
        line: u64::MAX,
    })
}

/// Its latest allowed end, if it has a deadline.
fn limit(run: &Run<'_>, call: Option<&Call<'_>>, execution: &Execution<'_>) -> Option<u64> {
    let mut limit: Option<u64> = None;
    let mut lower = |other: Option<u64>| limit = limit.into_iter().chain(other).min();
    let mut cause = execution;
    for _ in 0..CAUSES_MAX {
        let within = |time: u64| cause.started.at.saturating_add(time);
        lower(cause.timeout.map(within));
        if cause.remote {
            lower(run.calls.hop(cause.span).map(|hop| within(hop.timeout)));
            break;
        }
        if cause.parent == Id::NONE {
            lower(call.map(Call::deadline));
            break;
        }
        match run.calls.execution(cause.parent) {
            Some(parent) => cause = parent,
            None => break,
        }
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Handling};
    use crate::testing::{MS, S, Script, TIMEOUT, assert_holds, broken, find, span};

    fn at_work_until(until: u64) -> Script {
        let mut script = Script::new();
        script.at(S).slow_component(1);
        script.end_handling_at(span(1, 1), S + until);
        script
    }

    #[test]
    fn a_component_that_works_on_after_its_callers_time_is_found() {
        // The message arrived 2 ms late, and its timeout counts from then.
        for (until, holds) in [(TIMEOUT + 4 * MS, true), (TIMEOUT + 4 * MS + 1, false)] {
            let (plan, journal) = at_work_until(until).finish();
            let checked = Overtime.check(&Run::of(&plan, &journal));
            assert_eq!(checked.is_ok(), holds, "{until}");
            if let Err(violation) = checked {
                assert_eq!(violation.what, "worked for 2.002000001 s, and had 2 s");
                assert_eq!(
                    (violation.from.as_str(), violation.to.as_str()),
                    ("back", "echo.in")
                );
            }
        }
    }

    #[test]
    fn what_it_was_told_itself_counts_when_that_is_less() {
        let mut script = Script::new();
        script.at(S).chain(1);
        let violation = broken(&Overtime, script, |entries| {
            for entry in entries {
                if let Event::HandleStarted { timeout, .. } = &mut entry.event {
                    *timeout = MS / 2;
                }
            }
        });
        assert!(violation.what.ends_with("and had 500 us"), "{}", violation.what);
    }

    #[test]
    fn a_local_component_has_no_longer_than_its_call_and_what_it_causes_no_longer_than_it() {
        let mut script = Script::new();
        script.at(S).call_started(1, 1, "router.in");
        let (outer, inner) = (span(1, 1), span(1, 2));
        script.handle_started(0, "front", 1, (outer, Id::NONE), "router.in", false);
        script.handle_started(MS, "front", 1, (inner, outer), "echo.in", false);
        script.handle_ended(TIMEOUT, "front", outer, Handling::Dropped);
        script.call_ended(TIMEOUT, 1, "timeout");
        script.handle_ended(TIMEOUT + 3 * MS, "front", inner, Handling::Ok);
        let (plan, journal) = script.finish();
        let violation = Overtime.check(&Run::of(&plan, &journal)).unwrap_err();
        assert_eq!(violation.what, "worked for 2.002 s, and had 1.999 s");
        assert_eq!(violation.to, "echo.in");
    }

    #[test]
    fn a_paused_host_may_be_late_and_one_that_never_stops_is_found() {
        let mut script = at_work_until(TIMEOUT + S);
        script.at(2 * S).push("back", Event::HostPaused);
        script.at(3 * S).push("back", Event::HostResumed);
        assert_holds(&Overtime, script);
        let violation = broken(&Overtime, at_work_until(TIMEOUT), |entries| {
            let end = find(entries, |event| matches!(event, Event::HandleEnded { .. }));
            entries.remove(end);
        });
        assert!(
            violation.what.starts_with("worked for 58.998 s"),
            "{}",
            violation.what
        );
    }

    #[test]
    fn a_call_that_starts_on_a_paused_host_has_its_time_from_when_that_goes_on() {
        let worked = |until: u64| {
            let mut script = Script::new();
            script.at(S).push("front", Event::HostPaused);
            script.at(S + MS).call_started(1, 1, "router.in");
            script.at(6 * S).push("front", Event::HostResumed);
            script.handle_started(0, "front", 1, (span(1, 1), Id::NONE), "router.in", false);
            script.handle_ended(until, "front", span(1, 1), Handling::Ok);
            script.finish()
        };
        for (until, holds) in [(TIMEOUT, true), (TIMEOUT + 4 * MS, false)] {
            let (plan, journal) = worked(until);
            assert_eq!(
                Overtime.check(&Run::of(&plan, &journal)).is_ok(),
                holds,
                "{until}"
            );
        }
    }
}
