//! A call that "certainly did not happen" was not executed. Spec: router W-3, appendix A.
//!
//! A sender that reports `failed` with one of its own statuses asserts that the message never reached a handler, and so
//! may be resent. If it did reach one, a retry executes it twice. The same goes for a call whose message was executed to
//! completion. Errors of the callee, and of encoding its reply, are exempt: there the handler is known to have run.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Execution, Hop};
use crate::journal::Outcome;
use crate::target::Causes;

/// Statuses by which the sender asserts that nothing was executed.
const NOT_EXECUTED: [&str; 4] = ["unavailable", "timeout", "not_discovered", "cancelled"];

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeHonest;

impl Oracle for OutcomeHonest {
    fn name(&self) -> &'static str {
        "honest outcome"
    }

    fn promise(&self) -> &'static str {
        "what failed for certain was never executed"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            let Some(end) = hop.end else { continue };
            if end.outcome != Outcome::Failed || !NOT_EXECUTED.contains(&end.status) {
                continue;
            }
            first.judges();
            let Some(execution) = run.calls.execution(hop.span) else {
                continue;
            };
            let shown = end.moment.max(execution.started);
            let what = || {
                format!(
                    "failed for certain ({}), but ran on {}",
                    end.status, execution.host
                )
            };
            first.offer(shown, || run.of_hop(call, hop, shown.at, what()));
        }
        for call in run.calls.iter().filter(|call| run.causes(call) != Causes::Any) {
            let Some(end) = call.end else { continue };
            if end.outcome != Outcome::Failed || !NOT_EXECUTED.contains(&end.class) {
                continue;
            }
            first.judges();
            let hops = call.root_hops().any(Hop::is_ok);
            if hops || call.root_executions().any(Execution::is_ok) {
                let what = || format!("failed for certain ({}), but was executed to its end", end.class);
                first.offer(end.moment, || run.of_call(call, end.moment.at, what()));
            }
        }
        first.result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::testing::{MS, S, Script, assert_holds, broken, hop_end, span};

    fn script() -> Script {
        let mut script = Script::new();
        script
            .at(S)
            .unavailable(1)
            .at(2 * S)
            .slow_component(2)
            .at(9 * S)
            .chain(3);
        script
    }

    fn claim(event: &mut Event, label: &str) {
        let Event::HopEnded { outcome, status, .. } = event else {
            panic!("an end")
        };
        *outcome = Outcome::Failed;
        *status = label.into();
    }

    #[test]
    fn an_execution_that_certainly_did_not_happen_is_found() {
        for status in NOT_EXECUTED {
            let violation = broken(&OutcomeHonest, script(), |entries| {
                let end = hop_end(entries, span(2, 1));
                claim(&mut entries[end].event, status);
            });
            assert_eq!(
                violation.what,
                format!("failed for certain ({status}), but ran on back")
            );
        }
    }

    #[test]
    fn an_execution_after_the_fact_is_found() {
        let mut late = Script::new();
        late.at(S).unavailable(1);
        late.handle_started(
            5 * MS,
            "back",
            1,
            (span(1, 1), crate::journal::Id::NONE),
            "echo.in",
            true,
        );
        let (plan, journal) = late.finish();
        let violation = OutcomeHonest.check(&Run::of(&plan, &journal)).unwrap_err();
        assert_eq!(violation.at, S + 5 * MS);
    }

    #[test]
    fn errors_of_the_callee_and_doubts_are_no_lies() {
        for status in ["remote_error", "serialization", "error"] {
            let (plan, mut journal) = script().finish();
            let end = hop_end(&journal.entries, span(3, 1));
            claim(&mut journal.entries[end].event, status);
            assert!(OutcomeHonest.check(&Run::of(&plan, &journal)).is_ok(), "{status}");
        }
        assert_holds(&OutcomeHonest, script());
    }
}
