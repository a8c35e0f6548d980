//! No task, socket, timer, hop or execution outlives its end. Spec: router W-4, appendix C.
//!
//! A hop or an execution may have no end if its host went down before its deadline (guards usually record an end even
//! then), if its host is paused as the run ends, or if its deadline lies beyond the end of the run. That all hosts go
//! down at the end of a run does not excuse earlier deadlines. Work that a component starts by itself has no known
//! deadline, and is not judged.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::{Call, Execution, Hop, Moment};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct NothingLeft;

impl Oracle for NothingLeft {
    fn name(&self) -> &'static str {
        "nothing left"
    }

    fn promise(&self) -> &'static str {
        "no task, socket, hop or execution outlives its time"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            first.judges();
            if hop.end.is_some() {
                continue;
            }
            if outlived(run, hop.host, hop.started, hop.deadline()) {
                let what = "a hop without an end";
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what));
            }
        }
        for (call, execution) in run.calls.executions() {
            first.judges();
            if execution.end.is_some() {
                continue;
            }
            let at = execution.started;
            let Some(deadline) = deadline(run, call, execution) else {
                continue;
            };
            if outlived(run, execution.host, at, deadline) {
                let what = "an execution without an end";
                first.offer(at, || run.of_execution(call, execution, at.at, what));
            }
        }
        check_run(run, &mut first);
        first.result()
    }
}

fn outlived(run: &Run<'_>, host: &str, started: Moment, deadline: u64) -> bool {
    let ended = run.history.ended();
    let latest = deadline.saturating_add(SLACK + run.history.paused(host, started.at, ended));
    latest < ended
        && !run.history.stopped_between(host, started.at, latest)
        && !run.history.paused_at_the_end(host)
}

fn deadline(run: &Run<'_>, call: Option<&Call<'_>>, execution: &Execution<'_>) -> Option<u64> {
    let hop = run.calls.hop(execution.span).map(Hop::deadline);
    hop.into_iter().chain(call.map(Call::deadline)).max()
}

fn check_run(run: &Run<'_>, first: &mut First) {
    let last = Moment {
        at: run.history.ended(),
        line: u64::MAX,
    };
    first.judges();
    let Some(end) = run.history.end else {
        return first.offer(last, || run.of_world(None, last.at, "the journal has no end"));
    };
    if end.tasks_left > 0 || end.sockets_left > 0 || end.timers_left > 0 {
        let what = || {
            format!(
                "{} tasks, {} sockets and {} timers are left",
                end.tasks_left, end.sockets_left, end.timers_left
            )
        };
        first.offer(last, || run.of_world(None, end.at, what()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Death, Event};
    use crate::testing::{MS, S, Script, assert_holds, broken, find, handle_end, hop_end, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).local(2);
        script
    }

    #[test]
    fn a_hop_without_an_end_is_found() {
        let violation = broken(&NothingLeft, script(), |entries| {
            entries.remove(hop_end(entries, span(1, 2)));
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "a hop without an end")
        );
    }

    #[test]
    fn an_execution_without_an_end_is_found() {
        for call in [1, 2] {
            let violation = broken(&NothingLeft, script(), |entries| {
                entries.remove(handle_end(entries, span(call, 1)));
            });
            assert_eq!(
                (violation.call, violation.what.as_str()),
                (Some(call), "an execution without an end")
            );
        }
    }

    #[test]
    fn what_was_on_a_host_that_went_down_in_time_may_be_without_an_end() {
        for (stop, holds) in [(S + MS, false), (S + 2 * MS, true), (30 * S, false)] {
            let mut script = script();
            script.at(stop).stop("back", Death::Crashed);
            let (plan, mut journal) = script.finish();
            journal.entries.remove(handle_end(&journal.entries, span(1, 1)));
            assert_eq!(
                NothingLeft.check(&Run::of(&plan, &journal)).is_ok(),
                holds,
                "stopped at {stop}"
            );
        }
    }

    #[test]
    fn what_has_time_left_or_cannot_run_may_be_without_an_end() {
        let mut late = Script::new();
        late.at(59 * S).call_started(1, 0, "echo.in");
        late.hop_started(
            0,
            "front",
            1,
            (span(1, 1), crate::journal::Id::NONE),
            "echo.in",
            0,
        );
        assert_holds(&NothingLeft, late);
        let mut paused = Script::new();
        paused.at(S).call_started(1, 0, "echo.in");
        paused.hop_started(
            0,
            "front",
            1,
            (span(1, 1), crate::journal::Id::NONE),
            "echo.in",
            0,
        );
        paused.push("front", Event::HostPaused);
        assert_holds(&NothingLeft, paused);
    }

    #[test]
    fn tasks_sockets_and_timers_that_are_left_are_found() {
        for (tasks_left, sockets_left, timers_left) in [(2, 1, 0), (0, 0, 1)] {
            let violation = broken(&NothingLeft, script(), |entries| {
                let end = find(entries, |event| matches!(event, Event::RunEnded { .. }));
                entries[end].event = Event::RunEnded {
                    tasks_left,
                    sockets_left,
                    timers_left,
                };
            });
            assert_eq!(
                violation.to_string(),
                format!(
                    "at 60.000 s, {tasks_left} tasks, {sockets_left} sockets and {timers_left} timers are left"
                )
            );
        }
    }

    #[test]
    fn a_journal_that_was_cut_short_is_found() {
        let violation = broken(&NothingLeft, script(), |entries| {
            entries.pop();
        });
        assert_eq!(violation.what, "the journal has no end");
    }
}
