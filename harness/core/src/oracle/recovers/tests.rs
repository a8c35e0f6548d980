use super::*;
use crate::faults::{Kill, Partition, Reset};
use crate::plan::Bandwidth;
use crate::testing::{MS, S, Script, both_ways};
use std::sync::Arc;
use std::time::Duration;

/// A partition from 20 s to 30 s of a run of 100 s, one call each second.
fn storm(outcome: impl Fn(&mut Script, u64)) -> Script {
    let mut script = Script::new();
    script.fault(
        "split",
        20 * S,
        Some(30 * S),
        Partition(both_ways("front", "back")),
    );
    script.ends(100 * S);
    for call in 1..90 {
        outcome(script.at(call * S), call);
    }
    script
}

fn healed(script: &mut Script, call: u64) {
    if (20..30).contains(&call) {
        script.unavailable(call)
    } else {
        script.chain(call)
    };
}

fn broken_at(at: u64) -> impl Fn(&mut Script, u64) {
    move |script, call| {
        if call == at {
            script.unavailable(call);
        } else {
            healed(script, call);
        }
    }
}

fn verdict(script: Script) -> Result<u64, Violation> {
    let (plan, journal) = script.finish();
    Recovers.check(&Run::of(&plan, &journal))
}

fn topology(script: &mut Script, change: impl FnOnce(&mut Topology)) {
    change(Arc::get_mut(&mut script.plan.topology).unwrap());
}

#[test]
fn calls_that_succeed_again_hold() {
    assert!(verdict(storm(healed)).is_ok());
}

#[test]
fn an_error_after_things_settled_is_found() {
    let violation = verdict(storm(broken_at(50))).unwrap_err();
    assert_eq!((violation.call, violation.at), (Some(50), 50 * S));
    assert_eq!(violation.what, "unavailable 20 s after the last fault ended");
}

#[test]
fn an_error_before_things_settled_is_not() {
    assert!(verdict(storm(broken_at(49))).is_ok());
}

#[test]
fn nothing_is_judged_while_a_fault_lasts() {
    let mut script = storm(broken_at(60));
    script.fault(
        "for good",
        25 * S,
        None,
        Kill {
            hosts: vec!["store-1".to_owned()],
        },
    );
    assert!(verdict(script).is_ok());
}

#[test]
fn nothing_is_judged_when_a_host_went_down_by_itself() {
    let mut script = storm(broken_at(60));
    script.at(55 * S).stop("back", Death::Failed);
    assert!(verdict(script).is_ok());
}

#[test]
fn nothing_is_judged_where_components_fail_on_purpose() {
    let mut script = storm(broken_at(60));
    script.fails_on_purpose();
    assert!(verdict(script).is_ok());
}

#[test]
fn errors_that_were_there_before_are_the_topologys_own() {
    let script = storm(|script, call| {
        if call == 5 {
            script.unavailable(call);
        } else {
            broken_at(60)(script, call);
        }
    });
    assert!(verdict(script).is_ok());
}

#[test]
fn a_workload_without_a_success_before_is_not_judged() {
    let script = storm(|script, call| {
        if call >= 20 {
            broken_at(60)(script, call);
        }
    });
    assert!(verdict(script).is_ok());
}

#[test]
fn a_call_that_the_fault_caught_under_way_is_no_error_from_before() {
    let script = storm(|script, call| {
        if call == 19 {
            script.timed_out(call);
        } else {
            broken_at(60)(script, call);
        }
    });
    let held = crate::journal::Event::Segment {
        touch: crate::journal::Touch::Held,
        flow: 1,
        from: "front".into(),
        to: "back".into(),
        bytes: 1,
        faults: vec![0],
    };
    let mut script = script;
    script.at(20 * S).push("", held);
    assert_eq!(verdict(script).unwrap_err().call, Some(60));
}

#[test]
fn the_first_calls_on_a_path_pay_for_the_connection() {
    let sparse = |first: u64| {
        storm(move |script, call| {
            if call < 20 || call >= first {
                broken_at(60)(script, call);
            }
        })
    };
    assert!(verdict(sparse(57)).is_ok());
    assert_eq!(verdict(sparse(56)).unwrap_err().call, Some(60));
}

#[test]
fn a_slow_component_is_no_failure_to_recover() {
    let script = storm(|script, call| {
        if call == 60 {
            script.slow_component(call)
        } else {
            script.chain(call)
        };
    });
    assert!(verdict(script).is_ok());
    let script = storm(|script, call| {
        if call == 60 {
            script.timed_out(call)
        } else {
            script.chain(call)
        };
    });
    assert_eq!(verdict(script).unwrap_err().call, Some(60));
}

#[test]
fn on_links_that_lose_segments_only_silence_counts() {
    let lossy = |outcome: fn(&mut Script, u64)| {
        let mut script = storm(outcome);
        topology(&mut script, |topology| {
            topology.network.loss = Ratio {
                numerator: 1,
                denominator: 50,
            }
        });
        verdict(script)
    };
    let from_fifty = |script: &mut Script, call: u64| {
        if call < 50 {
            script.chain(call)
        } else {
            script.timed_out(call)
        };
    };
    let but_one = |script: &mut Script, call: u64| {
        if call < 50 || call == 70 {
            script.chain(call)
        } else {
            script.timed_out(call)
        };
    };
    assert!(lossy(but_one).is_ok());
    // 19 calls before the storm are too few to judge by, 20 are not.
    assert!(lossy(from_fifty).is_ok());
    let mut script = storm(from_fifty);
    script.at(19 * S + S / 2).chain(500);
    topology(&mut script, |topology| {
        topology.network.loss = Ratio {
            numerator: 1,
            denominator: 50,
        }
    });
    assert_eq!(verdict(script).unwrap_err().call, Some(50));
}

#[test]
fn a_latency_without_a_bound_is_not_steady() {
    let mut script = storm(broken_at(60));
    topology(&mut script, |topology| {
        topology.network.latency = Latency::LogNormal {
            median: Duration::from_millis(2),
            p99: Duration::from_millis(9),
        };
    });
    assert!(verdict(script).is_ok());
}

#[test]
fn a_fault_of_an_instant_is_over_with_it() {
    let mut script = Script::new();
    script.fault("cut", 20 * S, Some(20 * S), Reset(both_ways("front", "back")));
    for call in 0..100 {
        script.at(call * S + MS);
        broken_at(50)(&mut script, call);
    }
    assert_eq!(verdict(script).unwrap_err().call, Some(50));
}

#[test]
fn a_link_with_a_bandwidth_is_not_steady() {
    let mut script = storm(broken_at(60));
    topology(&mut script, |topology| {
        topology.network.bandwidth = Some(Bandwidth {
            bits_per_second: std::num::NonZeroU64::MIN,
        });
    });
    assert!(verdict(script).is_ok());
}
