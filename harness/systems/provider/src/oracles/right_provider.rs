//! Only the provider that got the request executes it, once, and none does after it is known to have failed.
//! Spec: provider 2.12.
//!
//! A manager retries an execution on a second member only if the first certainly did not get it. So at most one member
//! executes it.

use std::collections::BTreeMap;

use squall_core::calls::{Execution, HopKind};
use squall_core::journal::{Id, Outcome};
use squall_core::oracle::{First, Oracle, Run, Violation};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct RightProvider;

impl Oracle for RightProvider {
    fn name(&self) -> &'static str {
        "right provider"
    }

    fn promise(&self) -> &'static str {
        "the provider that was asked executes, once, and nobody does after a certain failure"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let executions = run.calls.executions();
        for (call, execution) in executions.filter(|(_, it)| it.kind == HopKind::Attempt) {
            first.judges();
            let at = execution.started;
            if let Some(what) = misplaced(run, execution) {
                first.offer(at, || run.of_execution(call, execution, at.at, what));
            }
            if let Some((again, host)) = execution.started_again {
                let what = || format!("{} was executed a second time, on {host}", execution.span);
                first.offer(again, || run.of_execution(call, execution, again.at, what()));
            }
        }
        check_attempts(run, &mut first);
        first.result()
    }
}

fn misplaced(run: &Run<'_>, execution: &Execution<'_>) -> Option<String> {
    let Some(hop) = run.calls.hop(execution.span) else {
        return Some("was executed, and nobody had sent it".to_owned());
    };
    let addressed = hop.peer_host().unwrap_or_default();
    if addressed != execution.host {
        return Some(format!("was executed here, and sent to {addressed}"));
    }
    if !execution.is_at(hop.to) {
        return Some(format!("was executed as that, and sent to {}", hop.to));
    }
    let failed = hop.end.filter(|end| end.outcome == Outcome::Failed);
    let failed = failed.filter(|end| end.moment < execution.started)?;
    Some(format!(
        "was executed after it had failed for certain ({})",
        failed.status
    ))
}

/// At most one attempt of an execution may have happened.
fn check_attempts(run: &Run<'_>, first: &mut First) {
    let mut executed: BTreeMap<Id, &Execution<'_>> = BTreeMap::new();
    for (call, hop) in run.calls.attempts() {
        let Some(execution) = run.calls.execution(hop.span) else {
            continue;
        };
        // Attempts form a chain, identified by the first one's span.
        let root = if hop.previous == Id::NONE {
            hop.span
        } else {
            hop.previous
        };
        if let Some(other) = executed.insert(root, execution) {
            let at = execution.started.max(other.started);
            let what = || format!("was executed on {} and on {}", other.host, execution.host);
            first.offer(at, || run.of_execution(call, execution, at.at, what()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ProviderEvent;
    use crate::testing::{MS, OfAFleet, S, Script, assert_holds, broken, find};

    /// One execution at one member, one that is retried on a second member, and one that times out.
    fn script() -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0").joins("b", "ml-1");
        script.at(2 * S).attempt(1, 1, "a", "ml-0").executes("ml-0", 1);
        script.attempt_ends(1, 1, Outcome::Ok, "");
        script.at(3 * S).attempt(2, 1, "b", "ml-1");
        script
            .at(3 * S + MS)
            .attempt_ends(2, 1, Outcome::Failed, "unavailable");
        script.attempt(2, 2, "a", "ml-0").executes("ml-0", 2);
        script.attempt_ends(2, 2, Outcome::Ok, "");
        script.at(4 * S).attempt(3, 1, "b", "ml-1");
        script.at(6 * S).attempt_ends(3, 1, Outcome::Unknown, "timeout");
        script.at(7 * S).executes("ml-1", 3);
        script
    }

    fn started(entries: &[squall_core::journal::Entry], id: u64) -> usize {
        find(
            entries,
            |event| matches!(event.get(), Some(ProviderEvent::ExecutionStarted { execution, .. }) if execution.0 == id),
        )
    }

    #[test]
    fn attempts_and_what_comes_late_are_no_mistake() {
        assert_holds(&RightProvider, script());
    }

    #[test]
    fn an_execution_in_the_wrong_place_is_found() {
        let violation = broken(&RightProvider, script(), |entries| {
            let start = started(entries, 1);
            entries[start].host = "ml-1".into();
        });
        assert_eq!(violation.what, "was executed here, and sent to ml-0");
    }

    #[test]
    fn an_execution_that_nobody_sent_is_found() {
        let violation = broken(&RightProvider, script(), |entries| {
            let start = started(entries, 1);
            let Some(ProviderEvent::ExecutionStarted { execution, .. }) = entries[start].event.get_mut()
            else {
                panic!("a start")
            };
            *execution = Id(99);
        });
        assert_eq!(violation.what, "was executed, and nobody had sent it");
    }

    #[test]
    fn a_second_execution_is_found() {
        let violation = broken(&RightProvider, script(), |entries| {
            let start = started(entries, 1);
            entries.insert(start + 1, entries[start].clone());
        });
        assert_eq!(
            violation.what,
            "0000000000000001 was executed a second time, on ml-0"
        );
    }

    #[test]
    fn an_execution_after_its_certain_failure_is_found() {
        let violation = broken(&RightProvider, script(), |entries| {
            let ended = find(
                entries,
                |event| matches!(event.get(), Some(ProviderEvent::ExecuteEnded { execution, .. }) if execution.0 == 3),
            );
            let Some(ProviderEvent::ExecuteEnded { outcome, .. }) = entries[ended].event.get_mut() else {
                panic!("an end")
            };
            *outcome = Outcome::Failed;
        });
        assert_eq!(
            violation.what,
            "was executed after it had failed for certain (timeout)"
        );
    }

    #[test]
    fn an_execution_at_two_members_is_found() {
        let violation = broken(&RightProvider, script(), |entries| {
            let start = started(entries, 2);
            let mut both = entries[start].clone();
            both.host = "ml-1".into();
            both.at = 3 * S;
            let place = entries.partition_point(|entry| entry.at <= both.at);
            entries.insert(place, both);
        });
        assert_eq!(violation.what, "was executed on ml-1 and on ml-0");
    }
}
