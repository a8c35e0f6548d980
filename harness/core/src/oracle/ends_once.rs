//! Every call that starts ends exactly once, with a class that users can match on. No hop and no execution ends twice, or
//! without a start.
//! Spec: router H-10, appendix C.
//!
//! A call whose deadline lies beyond the end of the run may have no end. Time during which its host was paused is added
//! to the deadline, because a paused process ends nothing.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::{Call, CallEnd, Moment, Unknown, all_error_classes};
use crate::journal::Outcome;
use crate::time;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct EndsOnce;

impl Oracle for EndsOnce {
    fn name(&self) -> &'static str {
        "ends once"
    }

    fn promise(&self) -> &'static str {
        "every call that starts ends exactly once, with a known class"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for call in run.calls.iter() {
            first.judges();
            if let Some(again) = call.started_again {
                first.offer(again, || run.of_call(call, again.at, "started again"));
            }
            if let Some(again) = call.ended_again {
                first.offer(again, || run.of_call(call, again.at, "ended again"));
            }
            match &call.end {
                Some(end) => check_class(run, call, end, &mut first),
                None => check_unended(run, call, &mut first),
            }
        }
        check_ends(run, &mut first);
        first.result()
    }
}

/// Duplicate ends, and ends without a start.
fn check_ends(run: &Run<'_>, first: &mut First) {
    for (call, hop) in run.calls.hops() {
        if let Some(again) = hop.ended_again {
            first.offer(again, || run.of_hop(call, hop, again.at, "a hop ended again"));
        }
    }
    for (call, execution) in run.calls.executions() {
        if let Some(again) = execution.ended_again {
            let what = "an execution ended again";
            first.offer(again, || run.of_execution(call, execution, again.at, what));
        }
    }
    for orphan in &run.calls.unstarted {
        let what = match orphan.what {
            Unknown::Call(number) => format!("call {number} ended, and never started"),
            Unknown::Hop(span) => format!("hop {span} ended on {}, and never started", orphan.host),
            Unknown::Execution(span) => {
                format!("execution {span} ended on {}, and never started", orphan.host)
            }
        };
        first.offer(orphan.moment, || run.of_world(None, orphan.moment.at, what));
    }
}

fn check_class(run: &Run<'_>, call: &Call<'_>, end: &CallEnd<'_>, first: &mut First) {
    let known = match end.outcome {
        Outcome::Ok => end.class.is_empty(),
        Outcome::Failed | Outcome::Unknown => all_error_classes().any(|known| known == end.class),
    };
    if !known {
        let what = || format!("ended {:?} with the class `{}`", end.outcome, end.class).to_lowercase();
        first.offer(end.moment, || run.of_call(call, end.moment.at, what()));
    }
}

fn check_unended(run: &Run<'_>, call: &Call<'_>, first: &mut First) {
    let ended = run.history.ended();
    let paused = run.history.paused(call.host, call.started.at, ended);
    let latest = call.deadline().saturating_add(SLACK + paused);
    if latest < ended {
        let moment = Moment {
            at: latest,
            line: u64::MAX,
        };
        let what = || format!("never ended, of {} that it had", time::exact(call.timeout));
        first.offer(moment, || run.of_call(call, call.started.at, what()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::testing::{MS, S, Script, TIMEOUT, assert_holds, broken, call_end};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).timed_out(2);
        script
    }

    #[test]
    fn a_call_that_never_ends_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            entries.remove(call_end(entries, 2));
        });
        assert_eq!((violation.call, violation.at), (Some(2), 2 * S));
        assert_eq!(violation.what, "never ended, of 2 s that it had");
    }

    #[test]
    fn a_call_whose_deadline_lies_beyond_the_end_may_be_without_an_end() {
        for (room, holds) in [(TIMEOUT + 2 * MS, true), (TIMEOUT + 2 * MS + 1, false)] {
            let mut script = Script::new();
            script
                .at(10 * S)
                .call_started(1, 0, "echo.in")
                .ends(10 * S + room);
            let (plan, journal) = script.finish();
            assert_eq!(EndsOnce.check(&Run::of(&plan, &journal)).is_ok(), holds);
        }
    }

    #[test]
    fn a_call_on_a_host_that_is_never_resumed_may_be_without_an_end() {
        let mut script = Script::new();
        script
            .at(10 * S)
            .call_started(1, 0, "echo.in")
            .push("front", Event::HostPaused);
        assert_holds(&EndsOnce, script);
    }

    #[test]
    fn a_second_end_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            let end = call_end(entries, 1);
            entries.insert(end + 1, entries[end].clone());
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "ended again")
        );
    }

    #[test]
    fn a_second_start_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            entries.insert(2, entries[1].clone());
        });
        assert_eq!(violation.what, "started again");
    }

    #[test]
    fn an_end_without_a_start_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            let end = call_end(entries, 1);
            let Event::CallEnded { call, .. } = &mut entries[end].event else {
                panic!("an end")
            };
            *call = 99;
        });
        assert_eq!(violation.what, "call 99 ended, and never started");
    }

    #[test]
    fn a_class_that_nobody_knows_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            let end = call_end(entries, 2);
            let Event::CallEnded { class, .. } = &mut entries[end].event else {
                panic!("an end")
            };
            *class = "transport error".into();
        });
        assert_eq!(violation.what, "ended unknown with the class `transport error`");
    }

    #[test]
    fn a_reply_with_an_error_class_is_found() {
        let violation = broken(&EndsOnce, script(), |entries| {
            let end = call_end(entries, 1);
            let Event::CallEnded { class, .. } = &mut entries[end].event else {
                panic!("an end")
            };
            *class = "timeout".into();
        });
        assert_eq!(violation.what, "ended ok with the class `timeout`");
    }

    fn local() -> Script {
        let mut script = Script::new();
        script.at(2 * S).local(2);
        script
    }

    #[test]
    fn a_second_end_of_a_hop_and_an_end_without_a_start_are_found() {
        let twice = broken(&EndsOnce, script(), |entries| {
            let end = crate::testing::hop_end(entries, crate::testing::span(1, 1));
            entries.insert(end, entries[end].clone());
        });
        assert_eq!(twice.what, "a hop ended again");
        let never = broken(&EndsOnce, local(), |entries| {
            let start = crate::testing::handle_start(entries, crate::testing::span(2, 1));
            entries.remove(start);
        });
        assert_eq!(
            never.what,
            "execution 0000000000000201 ended on front, and never started"
        );
    }
}
