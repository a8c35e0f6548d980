//! A message with an idempotency key runs to completion at most once, however often it arrives. Spec: router W-3,
//! section 9, appendix C.
//!
//! On one process, executions of one key do not overlap, and none starts within two minutes after one that ended ok. A
//! restarted process or another replica does not know the key.

use indexmap::IndexMap;
use squall_core::calls::{Call, Execution};
use squall_core::journal::Id;
use squall_core::oracle::{First, Oracle, Run, Violation};

/// How long a receiver remembers a reply, and how many: the router's defaults.
const WINDOW: u64 = 120_000_000_000;
const ANSWERS_MAX: usize = 10_000;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Idempotent;

impl Oracle for Idempotent {
    fn name(&self) -> &'static str {
        "idempotent"
    }

    fn promise(&self) -> &'static str {
        "a message with a key is handled to its end at most once"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        check_keys(run, &mut first);
        first.result()
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
        // Some may have been evicted early.
        return;
    }
    for executions in groups.values_mut() {
        executions.sort_unstable_by_key(|(_, execution)| execution.started);
        first.judges_all(executions.len());
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
    use squall_core::journal::Handling;

    use super::*;
    use crate::testing::{MS, S, Script, sent_again, span};

    const KEY: Id = Id(7);

    fn verdict(script: Script) -> Result<(), String> {
        let (plan, journal) = script.finish();
        Idempotent
            .check(&Run::of(&plan, &journal))
            .map(drop)
            .map_err(|violation| violation.what)
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
            .stop("back", squall_core::journal::Death::Killed);
        assert_eq!(verdict(script), Ok(()));
    }

    #[test]
    fn two_executions_of_a_key_at_once_are_found() {
        let mut script = sent_again("timeout", Handling::Dropped, S, KEY);
        // The first one ends after the second has started.
        script.end_handling_at(span(1, 1), 10 * S);
        assert_eq!(
            verdict(script).unwrap_err(),
            "was executed while it was being executed, with the same idempotency key"
        );
    }
}
