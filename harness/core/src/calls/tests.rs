use super::*;
use crate::faults::{Blackhole, Connects, Crash, Partition, Refuse};
use crate::journal::{Event, Touch};
use crate::testing::{MS, S, Script, TIMEOUT, both_ways, span};

fn segment(script: &mut Script, at: u64, touch: Touch, from: &str, to: &str, faults: &[u32]) {
    let (from, to, faults) = (from.into(), to.into(), faults.to_vec());
    script.at(at).push(
        "",
        Event::Segment {
            touch,
            flow: 1,
            from,
            to,
            bytes: 9,
            faults,
        },
    );
}

fn touched(script: Script) -> Vec<(u64, Vec<u32>, bool)> {
    let (plan, journal) = script.finish();
    let calls = Calls::of(&journal, &plan);
    calls
        .iter()
        .map(|call| (call.number, call.touched_by.clone(), call.touched_by_loss))
        .collect()
}

#[test]
fn a_call_has_its_hops_and_their_executions() {
    let mut script = Script::new();
    script.at(5 * MS).chain(1).at(6 * MS).local(2);
    let (plan, journal) = script.finish();
    let calls = Calls::of(&journal, &plan);
    let [chain, local] = calls.iter().collect::<Vec<_>>()[..] else {
        panic!("two calls")
    };
    assert_eq!((chain.hops.len(), chain.executions.len()), (2, 2));
    assert_eq!((local.hops.len(), local.executions.len()), (0, 1));
    assert_eq!(chain.latency(), Some(9 * MS));
    assert!(chain.is_ok());
    let hop = calls.hop(span(1, 2)).unwrap();
    assert_eq!((hop.host, hop.peer_host()), ("back", Some("store-0")));
    assert_eq!(calls.execution(span(1, 2)).unwrap().host, "store-0");
    assert!(calls.unstarted.is_empty());
}

#[test]
fn what_no_call_caused_is_kept_apart() {
    let mut script = Script::new();
    script.hop_started(0, "front", 9, (span(9, 1), Id::NONE), "echo.in", 0);
    script.handle_started(MS, "back", 9, (span(9, 1), Id::NONE), "echo.in", true);
    let (plan, journal) = script.finish();
    let calls = Calls::of(&journal, &plan);
    assert_eq!(calls.iter().count(), 0);
    assert_eq!((calls.own_hops.len(), calls.own_executions.len()), (1, 1));
    assert!(calls.hop(span(9, 1)).is_some());
}

#[test]
fn a_call_without_an_end_is_one_of_which_nobody_knows() {
    let mut script = Script::new();
    script.call_started(1, 0, "echo.in");
    let (plan, journal) = script.finish();
    let calls = Calls::of(&journal, &plan);
    let call = calls.iter().next().unwrap();
    assert_eq!(
        (call.outcome(), call.class(), call.latency()),
        (Outcome::Unknown, UNENDED, None)
    );
}

#[test]
fn an_execution_is_at_its_own_node_and_port_only() {
    let mut script = Script::new();
    script.chain(1);
    let (plan, journal) = script.finish();
    let calls = Calls::of(&journal, &plan);
    let execution = calls.execution(span(1, 1)).unwrap();
    assert!(execution.is_at("echo.in"));
    for other in ["echo.out", "echo", "echoin", "ech.o.in", "echo.in.", "disk.in"] {
        assert!(!execution.is_at(other), "{other}");
    }
}

#[test]
fn a_fault_touches_the_calls_whose_hop_had_a_segment_held_between_its_two_hosts() {
    let mut script = Script::new();
    script.fault(
        "split",
        10 * S,
        Some(11 * S),
        Partition(both_ways("back", "store-0")),
    );
    for (call, at) in [(1, 9 * S), (2, 10 * S), (3, 20 * S)] {
        script.at(at).chain(call);
    }
    segment(&mut script, 10 * S + 3 * MS, Touch::Held, "store-0", "back", &[0]);
    assert_eq!(
        touched(script),
        [(1, vec![], false), (2, vec![0], false), (3, vec![], false)]
    );
}

#[test]
fn a_segment_between_other_hosts_touches_nothing() {
    let mut script = Script::new();
    script.at(S).chain(1);
    segment(&mut script, S + 3 * MS, Touch::Held, "store-1", "back", &[0]);
    assert_eq!(touched(script), [(1, vec![], false)]);
}

#[test]
fn a_links_own_loss_is_not_a_fault() {
    let mut script = Script::new();
    script.at(S).chain(1);
    segment(&mut script, S + MS, Touch::Lost, "front", "back", &[]);
    assert_eq!(touched(script), [(1, vec![], true)]);
}

#[test]
fn a_stalled_connection_touches_the_calls_that_fail_on_it_later() {
    let mut script = Script::new();
    segment(&mut script, 10 * S, Touch::Lost, "front", "back", &[4]);
    segment(&mut script, 10 * S, Touch::Delayed, "front", "back", &[5]);
    script
        .at(12 * S)
        .chain(1)
        .at(13 * S)
        .timed_out(2)
        .at(26 * S)
        .timed_out(3);
    assert_eq!(
        touched(script),
        [(1, vec![], false), (2, vec![4], false), (3, vec![], false)]
    );
}

#[test]
fn a_fault_of_a_host_touches_the_calls_to_and_from_it_while_it_is_active() {
    let mut script = Script::new();
    let hosts = vec!["back".to_owned()];
    script.fault("down", 10 * S, Some(20 * S), Crash { hosts });
    script.at(10 * S - TIMEOUT - 1).timed_out(1);
    script.at(10 * S - TIMEOUT).timed_out(2);
    script.at(20 * S - 1).chain(3);
    script.at(20 * S).chain(4);
    script.at(15 * S).local(5);
    // The pool backs off before it dials again.
    script.at(20 * S).unavailable(6);
    script.at(34 * S).unavailable(7);
    script.at(35 * S).unavailable(8);
    let touched = touched(script);
    let is_touched = |call: u64| {
        touched
            .iter()
            .any(|(number, by, _)| *number == call && by == &[0])
    };
    let expected = [false, true, true, false, false, true, true, false];
    assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(is_touched), expected);
}

#[test]
fn a_fault_that_keeps_connects_out_touches_the_calls_that_fail_for_it_and_no_other() {
    let mut script = Script::new();
    let shut = Connects::To(vec!["back".to_owned()]);
    script.fault("shut", 10 * S, Some(20 * S), Refuse(shut));
    let mute = Connects::Between(both_ways("back", "store-0"));
    script.fault("mute", 10 * S, Some(20 * S), Blackhole(mute));
    script.at(9 * S).unavailable(1);
    script.at(10 * S).unavailable(2);
    script.at(15 * S).chain(3);
    script.at(20 * S + 1).unavailable(4);
    assert_eq!(
        touched(script),
        [
            (1, vec![], false),
            (2, vec![0], false),
            (3, vec![], false),
            (4, vec![], false)
        ]
    );
}

#[test]
fn a_connect_in_vain_touches_the_calls_that_fail_while_the_pool_waits() {
    let mut script = Script::new();
    segment(&mut script, 10 * S, Touch::Refused, "front", "back", &[4]);
    segment(&mut script, 10 * S, Touch::Dropped, "front", "back", &[5]);
    segment(&mut script, 10 * S, Touch::Dropped, "front", "back", &[]);
    segment(&mut script, 10 * S, Touch::Reset, "front", "back", &[6]);
    script.at(12 * S).chain(1).at(13 * S).unavailable(2);
    assert_eq!(touched(script), [(1, vec![], false), (2, vec![4, 5], false)]);
}

#[test]
fn a_reset_touches_the_calls_under_way() {
    let mut script = Script::new();
    script.at(10 * S).chain(1);
    segment(&mut script, 10 * S + MS, Touch::Reset, "front", "back", &[0]);
    script.at(12 * S).chain(2);
    assert_eq!(touched(script), [(1, vec![0], false), (2, vec![], false)]);
}
