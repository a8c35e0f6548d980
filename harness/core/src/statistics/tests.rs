use super::*;
use crate::faults::{Kill, Pause};
use crate::journal::Event;
use crate::testing::{MS, S, Script};

fn statistics(script: Script) -> Statistics {
    let (plan, journal) = script.finish();
    Statistics::of(&Run::of(&plan, &journal))
}

#[test]
fn quantiles_are_values_that_occurred() {
    let mut values: Vec<u64> = (1..=200).rev().collect();
    let quantiles = Quantiles::of(&mut values).unwrap();
    assert_eq!(
        (quantiles.p50, quantiles.p90, quantiles.p99, quantiles.max),
        (100, 180, 198, 200)
    );
    let one = Quantiles::of(&mut [7]).unwrap();
    assert_eq!((one.p50, one.p90, one.p99, one.max), (7, 7, 7, 7));
    let two = Quantiles::of(&mut [9, 3]).unwrap();
    assert_eq!((two.p50, two.p90, two.p99, two.max), (3, 9, 9, 9));
    assert_eq!(Quantiles::of(&mut []), None);
}

#[test]
fn calls_are_counted_by_workload_and_errors_by_class() {
    let mut script = Script::new();
    script
        .at(S)
        .chain(1)
        .at(2 * S)
        .timed_out(2)
        .at(3 * S)
        .unavailable(3)
        .at(4 * S)
        .unavailable(4);
    script.at(5 * S).call_started(5, 0, "echo.in");
    let statistics = statistics(script);
    let [orders, local] = &statistics.workloads[..] else {
        panic!("two workloads")
    };
    assert_eq!(
        (orders.calls, orders.ok, orders.failed, orders.unknown),
        (5, 1, 2, 2)
    );
    let errors: Vec<_> = orders
        .errors
        .iter()
        .map(|(class, count)| (class.as_str(), *count))
        .collect();
    assert_eq!(errors, [("unavailable", 2), ("timeout", 1), ("unended", 1)]);
    assert_eq!(orders.latency.unwrap().max, 9 * MS);
    assert_eq!((local.calls, local.latency), (0, None));
}

#[test]
fn a_fault_counts_the_calls_that_it_touched() {
    let mut script = Script::new();
    let hosts = vec!["back".to_owned()];
    script.fault("down", 10 * S, Some(20 * S), Kill { hosts });
    script
        .at(S)
        .chain(1)
        .at(11 * S)
        .unavailable(2)
        .at(12 * S)
        .unavailable(3);
    let fault = &statistics(script).faults[0];
    assert_eq!(
        (fault.calls, fault.started, fault.ended),
        (2, Some(10 * S), Some(20 * S))
    );
    assert_eq!(fault.text, "kill back");
}

#[test]
fn a_fault_that_the_run_never_reached_is_still_described() {
    let mut script = Script::new();
    let hosts = vec!["back".to_owned()];
    script.fault("late", 50 * S, None, Pause { hosts });
    let (plan, mut journal) = script.finish();
    journal
        .entries
        .retain(|entry| !matches!(entry.event, Event::FaultStarted { .. }));
    let fault = &Statistics::of(&Run::of(&plan, &journal)).faults[0];
    assert_eq!((fault.text.as_str(), fault.started), ("pause back", None));
}

#[test]
fn what_nobody_asked_for_is_listed() {
    let mut script = Script::new();
    script
        .at(S)
        .stop("back", Death::Failed)
        .stop("front", Death::Killed);
    for _ in 0..2 {
        script.push(
            "front",
            Event::TaskPanicked {
                message: "index out of bounds".into(),
            },
        );
        script.push(
            "store-0",
            Event::StrayTask {
                place: "src/till.rs:7:9".into(),
            },
        );
    }
    let incidents = statistics(script).incidents;
    assert_eq!(
        incidents,
        [
            Incident::HostFailed {
                host: "back".to_owned(),
                at: S,
                error: "address in use".to_owned()
            },
            Incident::Panicked {
                host: "front".to_owned(),
                tasks: 2,
                at: S,
                message: "index out of bounds".to_owned()
            },
            Incident::Stray {
                host: "store-0".to_owned(),
                tasks: 2,
                place: "src/till.rs:7:9".to_owned(),
            },
        ]
    );
}
