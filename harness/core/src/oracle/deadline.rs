//! Calls and hops end in time, and do not time out early. Spec: router S-32, S-33, appendix C.
//!
//! In time: at most 2 ms after the timeout. The tolerance is 1 ms for tokio's timer granularity and 1 ms for propagation
//! delay. Time during which the caller's host was paused is added: a process that is not scheduled ends nothing.
//!
//! A forwarded call may time out before its own deadline if one of its hops had less time, and used all of it.

use super::{First, Oracle, Run, SLACK, Violation};
use crate::calls::{Call, Hop};
use crate::time;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Deadline;

impl Oracle for Deadline {
    fn name(&self) -> &'static str {
        "deadline"
    }

    fn promise(&self) -> &'static str {
        "calls and hops end in time, and no timeout comes before its time"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for call in run.calls.iter() {
            let Some(end) = &call.end else { continue };
            first.judges();
            let span = Span {
                from: call.started.at,
                until: end.moment.at,
                timeout: call.timeout,
            };
            let early = end.class == "timeout" && !call.hops.iter().any(timed_out_in_time);
            if let Some(what) = span.complaint(run, call.host, early) {
                first.offer(end.moment, || run.of_call(call, end.moment.at, what));
            }
        }
        for (call, hop) in run.calls.hops() {
            check_hop(run, call, hop, &mut first);
        }
        first.result()
    }
}

fn check_hop(run: &Run<'_>, call: Option<&Call<'_>>, hop: &Hop<'_>, first: &mut First) {
    let Some(end) = &hop.end else { return };
    first.judges();
    let span = Span {
        from: hop.started.at,
        until: end.moment.at,
        timeout: hop.timeout,
    };
    if let Some(what) = span.complaint(run, hop.host, end.status == "timeout") {
        first.offer(end.moment, || {
            run.of_hop(call, hop, end.moment.at, format!("a hop {what}"))
        });
    }
}

fn timed_out_in_time(hop: &Hop<'_>) -> bool {
    hop.end
        .is_some_and(|end| end.status == "timeout" && end.moment.at >= hop.deadline())
}

struct Span {
    from: u64,
    until: u64,
    timeout: u64,
}

impl Span {
    fn complaint(&self, run: &Run<'_>, host: &str, may_not_be_early: bool) -> Option<String> {
        let deadline = self.from.saturating_add(self.timeout);
        let took = time::exact(self.until.saturating_sub(self.from));
        let given = time::exact(self.timeout);
        if may_not_be_early && self.until < deadline {
            return Some(format!("timed out after {took} of {given}"));
        }
        // Pauses are only looked up for late calls: the lookup is expensive.
        if self.until <= deadline.saturating_add(SLACK) {
            return None;
        }
        let paused = run.history.paused(host, self.from, self.until);
        let late = self.until > deadline.saturating_add(SLACK + paused);
        late.then(|| format!("ended after {took} of {given}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::testing::{MS, S, Script, TIMEOUT, assert_holds, broken, call_end, hop_end, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).timed_out(2);
        script
    }

    #[test]
    fn a_call_that_ends_too_late_is_found() {
        for (late, holds) in [(2 * MS, true), (2 * MS + 1, false)] {
            let (plan, mut journal) = script().finish();
            let end = call_end(&journal.entries, 2);
            journal.entries[end].at += late;
            let result = Deadline.check(&Run::of(&plan, &journal));
            assert_eq!(result.is_ok(), holds);
            if let Err(violation) = result {
                assert_eq!(violation.what, "ended after 2.002000001 s of 2 s");
            }
        }
    }

    #[test]
    fn a_reply_that_comes_too_late_is_found() {
        let violation = broken(&Deadline, script(), |entries| {
            let end = call_end(entries, 1);
            entries[end].at += 3 * S;
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "ended after 3.009 s of 2 s")
        );
    }

    #[test]
    fn a_paused_caller_may_be_late_by_as_much_as_it_was_paused() {
        for (paused, holds) in [(S, true), (S - 3 * MS, false)] {
            let mut script = Script::new();
            script
                .call_started(1, 0, "echo.in")
                .call_ended(TIMEOUT + S, 1, "timeout");
            script.at(S).push("front", Event::HostPaused);
            script.at(S + paused).push("front", Event::HostResumed);
            let (plan, journal) = script.finish();
            assert_eq!(Deadline.check(&Run::of(&plan, &journal)).is_ok(), holds);
        }
    }

    #[test]
    fn a_timeout_before_its_time_is_found() {
        let violation = broken(&Deadline, script(), |entries| {
            for end in [hop_end(entries, span(2, 1)), call_end(entries, 2)] {
                entries[end].at -= 1;
            }
        });
        assert_eq!(violation.what, "a hop timed out after 1.999999999 s of 2 s");
    }

    #[test]
    fn a_call_that_times_out_early_with_no_hop_to_blame_is_found() {
        let violation = broken(&Deadline, script(), |entries| {
            let end = call_end(entries, 1);
            let Event::CallEnded { class, .. } = &mut entries[end].event else {
                panic!("an end")
            };
            *class = "timeout".into();
        });
        assert_eq!(violation.what, "timed out after 9 ms of 2 s");
    }

    #[test]
    fn a_call_may_pass_on_the_timeout_of_a_hop_that_had_less_time() {
        let mut script = Script::new();
        script.call_started(1, 1, "router.in");
        script.hop_started(0, "front", 1, (span(1, 2), span(1, 1)), "echo.in", 1);
        script.hop_ended(300 * MS, "front", span(1, 2), "timeout", "back:50051");
        script.call_ended(300 * MS, 1, "timeout");
        let (plan, mut journal) = script.finish();
        for entry in &mut journal.entries {
            if let Event::HopStarted { timeout, .. } = &mut entry.event {
                *timeout = 300 * MS;
            }
        }
        assert!(Deadline.check(&Run::of(&plan, &journal)).is_ok());
    }

    #[test]
    fn other_errors_may_come_at_any_time() {
        let mut script = Script::new();
        script.at(S).unavailable(1);
        assert_holds(&Deadline, script);
    }
}
