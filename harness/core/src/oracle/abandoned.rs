//! Work stops within one link latency after its caller gave up: cancellations propagate. Spec: router 3.10, provider
//! section 6.
//!
//! An execution is judged if it was running when its hop ended with a timeout or a cancellation, and the cancellation
//! needs at most the link's latency: no fault touched the link recently, its latency is bounded, its bandwidth
//! unlimited, the message was small, and the sender's host stayed up. A paused worker receives the cancellation when it
//! resumes.

use super::overtime::worked_until;
use super::{CALM, First, Oracle, Run, SLACK, Violation};
use crate::calls::{Execution, Hop};
use crate::network::{Network, longest_way};
use crate::time;

/// Fits into any socket buffer at once: a cancellation may have to queue behind more.
const SMALL: u64 = 32 * 1024;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Abandoned;

impl Oracle for Abandoned {
    fn name(&self) -> &'static str {
        "abandoned"
    }

    fn promise(&self) -> &'static str {
        "work ends as soon as it can hear that its caller gave up"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let network = run.evidence::<Network>();
        for (call, hop) in run.calls.hops() {
            let Some(execution) = run.calls.execution(hop.span) else {
                continue;
            };
            let Some((given_up, told)) = told(run, &network, hop, execution) else {
                continue;
            };
            let Some(until) = worked_until(run, execution) else {
                continue;
            };
            first.judges();
            if until.at <= told + SLACK {
                continue;
            }
            let paused = run.history.paused(execution.host, given_up, until.at);
            if until.at > told + SLACK + paused {
                let worked = time::exact(until.at - given_up);
                let what = format!("worked on for {worked} after its caller had given up");
                first.offer(until, || run.of_execution(call, execution, until.at, what));
            }
        }
        first.result()
    }
}

/// When the caller gave up, and by when the worker must have received the cancellation.
fn told(run: &Run<'_>, network: &Network, hop: &Hop<'_>, execution: &Execution<'_>) -> Option<(u64, u64)> {
    let end = hop
        .end
        .filter(|end| matches!(end.status, "timeout" | "cancelled"))?;
    let given_up = end.moment.at;
    if execution.end.is_some_and(|done| done.moment < end.moment) || hop.sent.bytes > SMALL {
        return None;
    }
    let way = longest_way(&run.plan.topology, hop.host, execution.host)?;
    let told = given_up.saturating_add(way).max(execution.started.at);
    let latest = told.saturating_add(SLACK);
    let is_calm = !network.touched(hop.host, execution.host, given_up.saturating_sub(CALM), latest);
    let goes_on = !run.history.stopped_between(hop.host, given_up, latest)
        && run.history.paused(hop.host, given_up, latest) == 0;
    (is_calm && goes_on).then_some((given_up, told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Touch};
    use crate::testing::{MS, S, Script, TIMEOUT, assert_holds, span};

    /// A call that gives up after 2 s, with a handler that runs for `time` longer. Links take 2 ms at most.
    fn worked_on_for(time: u64) -> Script {
        let mut script = Script::new();
        script.at(S).slow_component(1);
        script.end_handling_at(span(1, 1), S + TIMEOUT + time);
        script
    }

    fn complaint(script: Script) -> Option<String> {
        let (plan, journal) = script.finish();
        let checked = Abandoned.check(&Run::of(&plan, &journal));
        checked.err().map(|violation| violation.what)
    }

    #[test]
    fn work_that_goes_on_after_its_caller_gave_up_is_found() {
        let way = {
            let (plan, _) = Script::new().finish();
            longest_way(&plan.topology, "front", "back").expect("a plain link")
        };
        assert_holds(&Abandoned, worked_on_for(way + SLACK));
        let what = complaint(worked_on_for(100 * MS)).expect("that is too long");
        assert_eq!(what, "worked on for 100 ms after its caller had given up");
    }

    #[test]
    fn who_cannot_hear_of_it_may_work_on() {
        let mut paused = worked_on_for(S);
        paused.at(S + TIMEOUT).push("back", Event::HostPaused);
        paused.at(2 * S + TIMEOUT).push("back", Event::HostResumed);
        assert_holds(&Abandoned, paused);
        let mut held = worked_on_for(S);
        held.at(S + TIMEOUT).push(
            "",
            Event::Segment {
                touch: Touch::Held,
                flow: 1,
                from: "front".into(),
                to: "back".into(),
                bytes: 13,
                faults: vec![0],
            },
        );
        assert_holds(&Abandoned, held);
    }
}
