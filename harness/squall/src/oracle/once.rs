//! Nothing is sent or executed twice behind the caller's back. Spec: router W-2, W-3, section 9, appendix C.
//!
//! Without a retry policy what may have run is never sent again. A pool that does so shows in one of three ways:
//! - a call with more than one root: hops and local executions that the workload itself caused;
//! - one span that two hops carry;
//! - one span that is executed twice.
//!
//! With a policy, attempts are counted, and one after the first says which hop it repeats:
//! - that one has ended, and not ok;
//! - if nobody knows whether that one happened, the message has an idempotency key;
//! - of the executions of one key on one process, the next begins only after the one before has ended, and none
//!   within two minutes of one that ended ok.
//!
//! Below the root nothing is said of how often a component sends to the same target: it may do so on purpose.

use indexmap::IndexMap;

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Execution, Hop, Moment};
use crate::journal::{Id, Outcome};

/// For how long a receiver remembers an answer, and how many: what the router's options say.
const WINDOW: u64 = 120_000_000_000;
const ANSWERS_MAX: usize = 10_000;

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

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let mut first = First::default();
        for call in run.calls.iter() {
            if let Some(second) = second_root(call) {
                first.offer(second, || run.of_call(call, second.at, "was sent a second time"));
            }
        }
        for (call, hop) in run.calls.hops() {
            if let Some(again) = hop.started_again {
                let what = || format!("hop {} was sent a second time", hop.span);
                first.offer(again, || run.of_hop(call, hop, again.at, what()));
            }
            if let Some(what) = wrongly_repeated(run, hop) {
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what));
            }
        }
        for (call, execution) in run.calls.executions() {
            if let Some((again, host)) = execution.started_again {
                let what = || format!("{} was executed a second time, on {host}", execution.span);
                first.offer(again, || run.of_execution(call, execution, again.at, what()));
            }
        }
        check_keys(run, &mut first);
        first.result()
    }
}

/// First attempts alone: the others say which one they repeat.
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

/// Why this attempt should not have been made.
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
        // What a component itself reports it may also call worth another try.
        Outcome::Unknown if hop.key == Id::NONE && end.status != "remote_error" => {
            Some("was sent again without an idempotency key, and may have happened before")
        }
        Outcome::Unknown | Outcome::Failed => None,
    }
}

/// One process, one destination, one idempotency key.
type Group<'j> = (&'j str, usize, &'j str, &'j str, Id);

fn check_keys(run: &Run<'_>, first: &mut First) {
    let mut groups: IndexMap<Group<'_>, Vec<(Option<&Call<'_>>, &Execution<'_>)>> = IndexMap::new();
    for (call, execution) in run.calls.executions() {
        if execution.key == Id::NONE {
            continue;
        }
        let stops = run
            .history
            .hosts
            .get(execution.host)
            .map_or(&[][..], |host| &host.stops);
        let incarnation = stops
            .iter()
            .filter(|stop| stop.at <= execution.started.at)
            .count();
        let group = (
            execution.host,
            incarnation,
            execution.node,
            execution.port,
            execution.key,
        );
        groups.entry(group).or_default().push((call, execution));
    }
    if groups.len() > ANSWERS_MAX {
        // Some may have been forgotten before their time.
        return;
    }
    for executions in groups.values_mut() {
        executions.sort_unstable_by_key(|(_, execution)| execution.started);
        for pair in executions.windows(2) {
            let ((_, before), (call, again)) = (pair[0], pair[1]);
            if let Some(what) = wrongly_executed(before, again) {
                first.offer(again.started, || {
                    run.of_execution(call, again, again.started.at, what)
                });
            }
        }
    }
}

fn wrongly_executed(before: &Execution<'_>, again: &Execution<'_>) -> Option<&'static str> {
    match before.end {
        Some(end) if end.moment < again.started => (before.is_ok()
            && again.started.at < end.moment.at.saturating_add(WINDOW))
        .then_some("was executed again after it had succeeded, with the same idempotency key"),
        _ => Some("was executed while it was being executed, with the same idempotency key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Handling};
    use crate::testing::{MS, S, Script, broken, handle_start, hop_start, span};

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

    /// Call 1 is sent and executed; after `gap` it is sent again, as the second attempt, and executed again.
    fn sent_again(status: &str, how: Handling, gap: u64, key: Id) -> Script {
        let mut script = Script::new();
        let (once, again) = (span(1, 1), span(1, 2));
        script.at(S).call_started(1, 0, "echo.in");
        script.hop_started(0, "front", 1, (once, Id::NONE), "echo.in", 0);
        script.handle_started(MS, "back", 1, (once, Id::NONE), "echo.in", true);
        script.handle_ended(2 * MS, "back", once, how);
        script.hop_ended(3 * MS, "front", once, status, "back:50051");
        script.at(S + 3 * MS + gap);
        script.hop_started(0, "front", 1, (again, Id::NONE), "echo.in", 0);
        script.handle_started(MS, "back", 1, (again, Id::NONE), "echo.in", true);
        script.handle_ended(2 * MS, "back", again, Handling::Ok);
        script.hop_ended(3 * MS, "front", again, "ok", "back:50051");
        script.repeat(again, once, key);
        script
    }

    fn verdict(script: Script) -> Result<(), String> {
        let (plan, journal) = script.finish();
        Once.check(&Run::of(&plan, &journal))
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
    fn a_second_execution_of_a_key_within_the_window_is_found() {
        let what = verdict(sent_again("timeout", Handling::Ok, S, KEY)).unwrap_err();
        assert_eq!(
            what,
            "was executed again after it had succeeded, with the same idempotency key"
        );
        assert_eq!(verdict(sent_again("timeout", Handling::Ok, WINDOW, KEY)), Ok(()));
    }

    #[test]
    fn a_process_that_died_remembers_nothing() {
        let mut script = sent_again("timeout", Handling::Ok, S, KEY);
        script
            .at(S + 500 * MS)
            .stop("back", crate::journal::Death::Killed);
        assert_eq!(verdict(script), Ok(()));
    }

    #[test]
    fn two_executions_of_a_key_at_once_are_found() {
        let mut script = sent_again("timeout", Handling::Dropped, S, KEY);
        // The first one goes on until after the second has begun.
        script.end_handling_at(span(1, 1), 10 * S);
        assert_eq!(
            verdict(script).unwrap_err(),
            "was executed while it was being executed, with the same idempotency key"
        );
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
