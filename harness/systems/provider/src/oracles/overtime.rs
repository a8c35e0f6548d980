//! The oracle of calls, `overtime`, about the executions of providers.

use squall_core::journal::{Entry, Outcome};
use squall_core::oracle::{Oracle, Overtime, Run};

use crate::journal::ProviderEvent;
use crate::testing::{MS, OfAFleet, S, Script, assert_holds, broken, find};

/// A provider's module that runs for `time`, with a manager that waits 2 s for it.
fn executes_for(time: u64) -> Script {
    let mut script = Script::of_a_fleet();
    script
        .at(S)
        .joins("a", "ml-0")
        .at(2 * S)
        .attempt(1, 1, "a", "ml-0");
    script.at(4 * S).attempt_ends(1, 1, Outcome::Unknown, "timeout");
    script.at(2 * S).executes("ml-0", 1);
    let end = |entry: &mut Entry| {
        if matches!(entry.event.get(), Some(ProviderEvent::ExecutionEnded { .. })) {
            entry.at = 2 * S + time;
        }
    };
    script.change(end);
    script
}

#[test]
fn a_module_that_works_on_after_the_time_of_its_call_is_found() {
    assert_holds(&Overtime, executes_for(2 * S + 2 * MS));
    let (plan, journal) = executes_for(13 * S).finish();
    let violation = Overtime.check(&Run::of(&plan, &journal)).unwrap_err();
    assert_eq!(violation.what, "worked for 13 s, and had 2 s");
    assert_eq!(
        (violation.from.as_str(), violation.to.as_str()),
        ("ml-0", "ml.Analyze")
    );
}

#[test]
fn a_module_that_was_not_told_of_a_deadline_has_its_managers_all_the_same() {
    let untold = |entries: &mut Vec<Entry>| {
        for entry in entries {
            if let Some(ProviderEvent::ExecutionStarted { timeout, .. }) = entry.event.get_mut() {
                *timeout = 0;
            }
        }
    };
    let mut script = executes_for(2 * S);
    script.at(20 * S);
    let violation = broken(&Overtime, script, |entries| {
        untold(entries);
        let end = find(entries, |event| {
            matches!(event.get(), Some(ProviderEvent::ExecutionEnded { .. }))
        });
        entries[end].at = 9 * S;
    });
    assert_eq!(violation.what, "worked for 7 s, and had 2 s");
}
