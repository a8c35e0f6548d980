//! No hop or execution has more time than its parent has left: deadlines propagate, and only shrink.
//! Spec: router S-32, H-13.
//!
//! - A hop or execution that a workload causes directly gets at most the time that its call has left.
//! - A hop or execution that an execution causes gets at most the time that this execution has left.
//! - A handler gets at most the time that the sender gave the message. Receivers do not know the transit time.
//!
//! Judged is the time granted, not the time used: for overruns see `Deadline` and `Overtime`. Executions without a known
//! deadline in their own module are not judged.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::{Call, Execution, Hop, Moment};
use crate::journal::Id;
use crate::time;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Budget;

impl Oracle for Budget {
    fn name(&self) -> &'static str {
        "budget"
    }

    fn promise(&self) -> &'static str {
        "no hop has more time than the call that it is part of"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            let Some(left) = left(run, call, hop.parent, hop.started) else {
                continue;
            };
            first.judges();
            if hop.timeout > left + SLACK {
                let what = || told(hop.timeout, left, "what it is part of");
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what()));
            }
        }
        for (call, execution) in run.calls.executions() {
            let at = execution.started;
            let Some((left, of)) = given(run, call, execution) else {
                continue;
            };
            first.judges();
            let what = match execution.timeout {
                Some(timeout) if timeout <= left + SLACK => continue,
                Some(timeout) => told(timeout, left, of),
                None => format!("was told of no deadline, and {of} has {}", time::exact(left)),
            };
            first.offer(at, || run.of_execution(call, execution, at.at, what));
        }
        first.result()
    }
}

fn told(timeout: u64, left: u64, of: &str) -> String {
    let (timeout, left) = (time::exact(timeout), time::exact(left));
    format!("was given {timeout}, when {of} had {left} left")
}

/// How much time an execution may get at most, and what limits it.
fn given(run: &Run<'_>, call: Option<&Call<'_>>, execution: &Execution<'_>) -> Option<(u64, &'static str)> {
    if execution.remote {
        let is_judged = execution.kind.tells_deadlines() || execution.timeout.is_some();
        let hop: Option<&Hop<'_>> = run.calls.hop(execution.span).filter(|_| is_judged);
        return hop.map(|hop| (hop.timeout, "its hop"));
    }
    execution.timeout?;
    Some((
        left(run, call, execution.parent, execution.started)?,
        "what it is part of",
    ))
}

/// How much time the cause had left: the execution `parent`, or the call itself.
fn left(run: &Run<'_>, call: Option<&Call<'_>>, parent: Id, at: Moment) -> Option<u64> {
    let deadline = match run.calls.execution(parent) {
        Some(parent) => parent.started.at.saturating_add(parent.timeout?),
        None if parent != Id::NONE => return None,
        None => {
            let call = call?;
            // The timeout of a call that starts on a paused host counts from the time the host resumes.
            let paused = run.history.paused(call.host, call.started.at, at.at);
            call.deadline().saturating_add(paused)
        }
    };
    Some(deadline.saturating_sub(at.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Entry, Event};
    use crate::testing::{MS, S, Script, broken, handle_start, hop_start, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).local(2);
        // The second hop has the time that the first execution has left.
        script.change(|entry| {
            if let Event::HopStarted {
                depth: 1, timeout, ..
            } = &mut entry.event
            {
                *timeout = 1_990 * MS;
            }
        });
        script.change(|entry| {
            if let Event::HandleStarted { timeout, .. } = &mut entry.event {
                *timeout = 1_990 * MS;
            }
        });
        script
    }

    fn give(entries: &mut [Entry], line: usize, time: u64) {
        match &mut entries[line].event {
            Event::HopStarted { timeout, .. } | Event::HandleStarted { timeout, .. } => *timeout = time,
            other => panic!("no time in {other:?}"),
        }
    }

    #[test]
    fn a_hop_that_has_more_time_than_its_call_is_found() {
        let violation = broken(&Budget, script(), |entries| {
            let first = hop_start(entries, span(1, 1));
            give(entries, first, 2_003 * MS);
        });
        assert_eq!(
            violation.what,
            "was given 2.003 s, when what it is part of had 2 s left"
        );
        assert_eq!((violation.call, violation.from.as_str()), (Some(1), "front"));
    }

    #[test]
    fn a_hop_that_has_more_time_than_the_execution_that_sends_it_is_found() {
        let violation = broken(&Budget, script(), |entries| {
            let second = hop_start(entries, span(1, 2));
            give(entries, second, 30 * S);
        });
        assert_eq!(
            violation.what,
            "was given 30 s, when what it is part of had 1.99 s left"
        );
        assert_eq!((violation.call, violation.from.as_str()), (Some(1), "back"));
    }

    #[test]
    fn an_execution_that_has_more_time_than_its_hop_or_none_at_all_is_found() {
        for (time, what) in [
            (2_003 * MS, "was given 2.003 s, when its hop had 2 s left"),
            (0, "was told of no deadline, and its hop has 2 s"),
        ] {
            let violation = broken(&Budget, script(), |entries| {
                let first = handle_start(entries, span(1, 1));
                give(entries, first, time);
            });
            assert_eq!(violation.what, what);
        }
    }

    #[test]
    fn a_local_execution_has_no_more_time_than_its_call() {
        let violation = broken(&Budget, script(), |entries| {
            let local = handle_start(entries, span(2, 1));
            give(entries, local, 3 * S);
        });
        assert_eq!((violation.call, violation.at), (Some(2), 2 * S));
    }
}
