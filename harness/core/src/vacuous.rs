//! Vacuous checks: expectations without calls, expectations that nothing could violate, and all expectations under a
//! fault that touched nothing.

use crate::faults::{FaultKind, MustTouch};
use crate::oracle::Run;
use crate::statistics::{FaultStatistics, WorkloadStatistics};

/// One line per vacuous check.
pub(crate) fn notes(
    run: &Run<'_>,
    workloads: &[WorkloadStatistics],
    faults: &[FaultStatistics],
) -> Vec<String> {
    let mut notes = Vec::new();
    if run.plan.expectations.is_empty() {
        notes.push("the scenario expects nothing: only the oracles were asked".to_owned());
    }
    for workload in workloads.iter().filter(|workload| workload.calls == 0) {
        notes.push(format!("the workload {} made no call", workload.name));
    }
    let expectations = run.plan.expectations.iter();
    notes.extend(expectations.filter_map(|it| Some(format!("{}: {}", it.text(), it.in_vain(run)?))));
    for (planned, fault) in run.plan.faults.iter().zip(faults) {
        notes.extend(missed(run, &*planned.kind, fault));
    }
    notes
}

fn missed(run: &Run<'_>, kind: &dyn FaultKind, fault: &FaultStatistics) -> Option<String> {
    if fault.started.is_none() {
        return Some(format!("the fault {} was not reached", fault.name));
    }
    if fault.touched_anything() {
        return None;
    }
    let missed = match kind.must_touch(&run.plan.topology) {
        MustTouch::Nothing => return None,
        MustTouch::Calls => "no call",
        MustTouch::Anything => "nothing",
    };
    Some(format!("the fault {} touched {missed}", fault.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Partition;
    use crate::plan::{Bounds, Check};
    use crate::statistics::Statistics;
    use crate::testing::{S, Script, both_ways};

    fn notes_of(script: Script) -> Vec<String> {
        let (plan, journal) = script.finish();
        Statistics::of(&Run::of(&plan, &journal)).vacuous
    }

    /// Both workloads call, and one of them is expected to.
    fn sound() -> Script {
        let mut script = Script::new();
        let some = Check::Ok(Bounds {
            at_least: Some(1),
            at_most: None,
        });
        script.at(S).chain(1).at(2 * S).local(2).expect(0, None, "", some);
        script
    }

    #[test]
    fn a_run_that_shows_what_it_was_asked_has_no_notes() {
        assert!(notes_of(sound()).is_empty());
    }

    #[test]
    fn a_scenario_without_expectations_is_noted() {
        let mut script = sound();
        script.plan.expectations.clear();
        assert_eq!(
            notes_of(script),
            ["the scenario expects nothing: only the oracles were asked"]
        );
    }

    #[test]
    fn an_expectation_of_no_call_is_noted_and_one_that_counts_them_is_not() {
        let none = Bounds {
            at_least: None,
            at_most: Some(0),
        };
        let mut script = sound();
        script.expect(30 * S, None, "from 30s", Check::Failed(none));
        script.expect(30 * S, None, "from 30s", Check::Calls(none));
        assert_eq!(
            notes_of(script),
            ["orders from 30s: failed <= 0: no call started in its window"]
        );
    }

    fn least<T>(bound: T) -> Bounds<T> {
        Bounds {
            at_least: Some(bound),
            at_most: None,
        }
    }

    fn most<T>(bound: T) -> Bounds<T> {
        Bounds {
            at_least: None,
            at_most: Some(bound),
        }
    }

    #[test]
    fn an_expectation_that_nothing_could_break_is_noted_and_one_that_something_could_is_not() {
        use std::time::Duration;
        let rate = |at_least| Check::SuccessRate(least(at_least));
        let latency = |bound| Check::Latency {
            quantile: crate::plan::Quantile::P99,
            bounds: bound,
        };
        let timeout = Duration::from_secs(30);
        const ERRORS: usize = crate::calls::ERROR_CLASSES.len();
        let classes = |count: usize| {
            let classes = crate::calls::ERROR_CLASSES.iter().take(count);
            Check::ErrorsOnly(classes.map(|it| (*it).to_owned()).collect())
        };
        let notes_of_one = |check: Check| {
            let mut script = sound();
            script.plan.workloads[0].timeout = Some(timeout);
            script.expect(0, None, "", check);
            notes_of(script)
        };
        for (certain, why) in [
            (rate(0.0), "success rate >= 0.0: no rate is outside of that"),
            (
                Check::Calls(least(0)),
                "calls >= 0: no number of its calls is outside of that",
            ),
            (
                Check::Ok(least(0)),
                "ok >= 0: its window has no more calls than that",
            ),
            (
                Check::Failed(most(1)),
                "failed <= 1: its window has no more calls than that",
            ),
            (
                latency(most(timeout)),
                "p99 <= 30 s: no call may take longer than that",
            ),
            (
                latency(least(Duration::ZERO)),
                "p99 >= 0 s: no call may take longer than that",
            ),
            (classes(ERRORS), "there is no other class of errors"),
        ] {
            let notes = notes_of_one(certain);
            assert!(
                matches!(&notes[..], [note] if note.contains(why)),
                "{why}: {notes:?}"
            );
        }
        for open in [
            rate(0.001),
            Check::Calls(least(1)),
            Check::Calls(most(1)),
            Check::Ok(least(1)),
            Check::Failed(most(0)),
            latency(most(timeout - Duration::from_nanos(1))),
            latency(least(Duration::from_nanos(1))),
            classes(ERRORS - 1),
        ] {
            assert_eq!(notes_of_one(open.clone()), [""; 0], "{open:?}");
        }
    }

    #[test]
    fn a_workload_that_made_no_call_and_a_fault_that_touched_nothing_are_noted() {
        let mut script = Script::new();
        script.at(S).chain(1);
        script.expect(0, None, "", Check::ErrorsOnly(Vec::new()));
        let split = Partition(both_ways("front", "store-1"));
        script.fault("split", 30 * S, Some(31 * S), split);
        assert_eq!(
            notes_of(script),
            [
                "the workload local made no call",
                "the fault split touched nothing"
            ]
        );
    }
}
