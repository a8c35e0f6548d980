//! Snapshots that the Go implementation wrote are ours, byte for byte.

use squall_machine::{RestoreOptions, Retain, Snapshot, Timers, Timestamp};

use crate::support::*;

/// The text of a golden snapshot. It is cut out of its line, so that nothing rewrites it.
fn golden(id: &str, step: i64) -> &'static str {
    let file = include_str!("../golden/snapshots.jsonl");
    let start = format!(r#"{{"id":"{id}","step":{step},"snapshot":"#);
    let line = file.lines().find_map(|line| line.strip_prefix(&*start));
    line.unwrap().strip_suffix('}').unwrap()
}

const ALL: [(&str, i64); 4] = [
    ("counter-1", -1),
    ("counter-1", 0),
    ("counter-1", 1),
    ("timer-1", 2),
];

#[test]
fn our_steps_leave_the_snapshots_that_those_of_go_leave() {
    let mut instance = begin(&counter(), Counter::default());
    assert_eq!(json(&instance), golden("counter-1", -1));
    fire(&mut instance, "next");
    assert_eq!(json(&instance), golden("counter-1", 0));
    fire(&mut instance, "next");
    assert_eq!(json(&instance), golden("counter-1", 1));
}

#[test]
fn a_timer_leaves_the_snapshot_that_one_of_go_leaves() {
    let mut instance = begin(&counter(), Counter::default());
    let mut timers = Timers::new();
    let fired = fire(&mut instance, "next");
    timers.apply(&fired.timers, Timestamp(0));
    assert!(
        timers
            .tick(&mut instance, Timestamp(4_999_999_999))
            .steps
            .is_empty()
    );
    assert_eq!(
        timers.tick(&mut instance, Timestamp(5_000_000_000)).steps.len(),
        1
    );
    assert_eq!(json(&instance), golden("timer-1", 2));
}

#[test]
fn snapshots_of_go_are_read_and_written_again_unchanged() {
    for (id, step) in ALL {
        let snapshot = Snapshot::from_json(golden(id, step).as_bytes()).unwrap();
        let text = String::from_utf8(snapshot.to_json().unwrap()).unwrap();
        assert_eq!(text, golden(id, step));

        let options = RestoreOptions {
            retain: Some(Retain::All),
            ..RestoreOptions::default()
        };
        let instance = counter().restore(&snapshot, options).unwrap();
        assert_eq!(json(&instance), golden(id, step));
    }
}

#[test]
fn an_instance_of_go_goes_on_here() {
    let snapshot = Snapshot::from_json(golden("counter-1", 0).as_bytes()).unwrap();
    let mut instance = counter().restore(&snapshot, RestoreOptions::default()).unwrap();
    fire(&mut instance, "next");
    assert_eq!(json(&instance), golden("counter-1", 1));
}

#[test]
fn members_that_only_other_implementations_write_survive() {
    let text = r#"{"machine":"m","current":"a2","configuration":["a2","b1"],"context":{},"historyShallow":{"comp":"y"},"historyDeep":{"comp":["y"]},"histLimit":3,"status":2,"output":null,"error":"it broke","pending":{"services":["s"],"actors":["x"]},"actors":{"x":{"id":"x"}},"snapshotVersion":1000,"machineVersion":"1.2.3","machineId":"mid","journal":[{"step":0,"kind":"random"}],"inFlightServices":[{"id":"s"}],"mailboxes":{"x":["e30="]}}"#;
    let snapshot = Snapshot::from_json(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(snapshot.to_json().unwrap()).unwrap(), text);
}
