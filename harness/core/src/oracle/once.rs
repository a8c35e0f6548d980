//! Nothing is sent or executed twice without the caller's consent. Spec: router W-2, W-3, section 9, appendix C.
//!
//! Without a retry policy a message that may have been executed is never resent. A pool that does so shows in one of
//! three ways:
//! - a call with more than one root: hops and local executions that the workload caused directly;
//! - one span on two hops;
//! - one span that is executed twice.
//!
//! With a policy, attempts are numbered, and a retry names the hop that it repeats:
//! - that hop has ended, and not ok;
//! - if its outcome is unknown, the message has an idempotency key.
//!
//! `Idempotent` judges what receivers do with a key.
//!
//! Below the root, repeated sends to one target are not judged: a component may do so on purpose.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Hop, Moment};
use crate::journal::{Id, Outcome};
use crate::target::Causes;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Once;

impl Oracle for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn promise(&self) -> &'static str {
        "no message is sent or executed twice"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for call in run.calls.iter().filter(|call| run.causes(call) != Causes::Any) {
            if let Some(second) = second_root(call) {
                first.offer(second, || run.of_call(call, second.at, "was sent a second time"));
            }
        }
        for (call, hop) in run.calls.hops() {
            first.judges();
            if let Some(again) = hop.started_again {
                let what = || format!("hop {} was sent a second time", hop.span);
                first.offer(again, || run.of_hop(call, hop, again.at, what()));
            }
            if let Some(what) = wrongly_repeated(run, hop) {
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what));
            }
        }
        for (call, execution) in run.calls.executions() {
            first.judges();
            if let Some((again, host)) = execution.started_again {
                let what = || format!("{} was executed a second time, on {host}", execution.span);
                first.offer(again, || run.of_execution(call, execution, again.at, what()));
            }
        }
        first.result()
    }
}

/// Considers first attempts only: retries name the hop that they repeat.
fn second_root(call: &Call<'_>) -> Option<Moment> {
    let hops = call.root_hops().filter(|hop| hop.attempt == 1);
    let executions = call.root_executions().filter(|execution| execution.attempt == 1);
    let mut roots: Vec<Moment> = hops
        .map(|hop| hop.started)
        .chain(executions.map(|execution| execution.started))
        .collect();
    roots.sort_unstable();
    roots.get(1).copied()
}

/// Why this attempt is a violation.
fn wrongly_repeated(run: &Run<'_>, hop: &Hop<'_>) -> Option<&'static str> {
    if hop.attempt == 1 || hop.previous == Id::NONE {
        return None;
    }
    let Some(end) = run.calls.hop(hop.previous).and_then(|previous| previous.end) else {
        return Some("was sent again before the attempt before had ended");
    };
    if end.moment > hop.started {
        return Some("was sent again before the attempt before had ended");
    }
    match end.outcome {
        Outcome::Ok => Some("was sent again after it had succeeded"),
        // An error that the component itself reports may be marked as retryable by it.
        Outcome::Unknown if hop.key == Id::NONE && end.status != "remote_error" => {
            Some("was sent again without an idempotency key, and may have happened before")
        }
        Outcome::Unknown | Outcome::Failed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Handling};
    use crate::testing::{MS, S, Script, broken, handle_start, hop_start, sent_again, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).local(2);
        script
    }

    #[test]
    fn a_span_that_is_executed_twice_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = handle_start(entries, span(1, 2));
            let mut again = entries[start].clone();
            again.host = "store-1".into();
            again.at += MS;
            entries.insert(start + 1, again);
        });
        assert_eq!(
            violation.what,
            "0000000000000102 was executed a second time, on store-1"
        );
        assert_eq!(violation.call, Some(1));
    }

    #[test]
    fn a_span_that_two_hops_carry_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = hop_start(entries, span(1, 2));
            entries.insert(start + 1, entries[start].clone());
        });
        assert_eq!(violation.what, "hop 0000000000000102 was sent a second time");
    }

    #[test]
    fn a_hidden_retry_under_another_span_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = hop_start(entries, span(1, 1));
            let mut again = entries[start].clone();
            let Event::HopStarted { span: id, .. } = &mut again.event else {
                panic!("a start")
            };
            *id = span(1, 9);
            entries.insert(start + 1, again);
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "was sent a second time")
        );
    }

    fn verdict(script: Script) -> Result<(), String> {
        let (plan, journal) = script.finish();
        Once.check(&Run::of(&plan, &journal))
            .map(drop)
            .map_err(|violation| violation.what)
    }

    const KEY: Id = Id(7);

    #[test]
    fn an_attempt_after_a_failure_is_no_second_message() {
        assert_eq!(
            verdict(sent_again("unavailable", Handling::Dropped, S, Id::NONE)),
            Ok(())
        );
        assert_eq!(
            verdict(sent_again("remote_error", Handling::Error, S, Id::NONE)),
            Ok(())
        );
        assert_eq!(verdict(sent_again("timeout", Handling::Dropped, S, KEY)), Ok(()));
    }

    #[test]
    fn an_attempt_after_an_unknown_outcome_needs_a_key() {
        let what = verdict(sent_again("timeout", Handling::Dropped, S, Id::NONE)).unwrap_err();
        assert_eq!(
            what,
            "was sent again without an idempotency key, and may have happened before"
        );
    }

    #[test]
    fn an_attempt_after_a_success_is_found() {
        let what = verdict(sent_again("ok", Handling::Ok, S, Id::NONE)).unwrap_err();
        assert_eq!(what, "was sent again after it had succeeded");
    }

    #[test]
    fn a_second_local_execution_of_a_call_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = handle_start(entries, span(2, 1));
            let mut again = entries[start].clone();
            let Event::HandleStarted { span: id, .. } = &mut again.event else {
                panic!("a start")
            };
            *id = span(2, 9);
            entries.insert(start + 1, again);
        });
        assert_eq!((violation.call, violation.at), (Some(2), 2 * S));
    }

    #[test]
    fn a_component_may_send_twice_to_the_same_target() {
        let mut script = script();
        script.at(S + MS);
        script.hop_started(0, "back", 1, (span(1, 7), span(1, 1)), "disk.put", 1);
        script.handle_started(MS, "store-1", 1, (span(1, 7), span(1, 1)), "disk.put", true);
        crate::testing::assert_holds(&Once, script);
    }

    #[test]
    fn the_second_root_is_the_second_in_time() {
        let mut script = Script::new();
        script.call_started(1, 0, "echo.in");
        for (place, at) in [(1, 5), (2, 3), (3, 4), (4, 9)] {
            script.hop_started(at * MS, "front", 1, (span(1, place), Id::NONE), "echo.in", 0);
        }
        let (plan, journal) = script.finish();
        assert_eq!(Once.check(&Run::of(&plan, &journal)).unwrap_err().at, 4 * MS);
    }
}
