use super::*;
use crate::journal::{Entry, Event, Handling};
use crate::testing::{S, Script, assert_holds, broken, handle_end, handle_start, hop_start, span};

fn script() -> Script {
    let mut script = Script::new();
    script.at(S).chain(1).at(2 * S).local(2).at(3 * S).unavailable(3);
    script
}

fn change_handling(entries: &mut [Entry], call: u64, place: u64, change: impl FnOnce(&mut Event)) {
    let start = handle_start(entries, span(call, place));
    change(&mut entries[start].event);
}

fn change_hop(entries: &mut [Entry], call: u64, place: u64, change: impl FnOnce(&mut Event)) {
    let start = hop_start(entries, span(call, place));
    change(&mut entries[start].event);
}

#[test]
fn a_message_that_another_port_handles_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        change_handling(entries, 1, 2, |event| {
            let Event::HandleStarted { port, .. } = event else {
                panic!("a start")
            };
            *port = "get".into();
        });
    });
    assert_eq!(violation.what, "handled here, sent to disk.put");
    assert_eq!(
        (violation.from.as_str(), violation.to.as_str()),
        ("store-0", "disk.get")
    );
}

#[test]
fn a_message_that_another_module_handles_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        change_handling(entries, 1, 1, |event| {
            let Event::HandleStarted { module, .. } = event else {
                panic!("a start")
            };
            *module = "store".into();
        });
    });
    assert_eq!(
        violation.what,
        "handled by module store, which does not own the node"
    );
}

#[test]
fn a_message_that_is_handled_on_the_wrong_host_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        let start = handle_start(entries, span(1, 1));
        entries[start].host = "store-0".into();
    });
    assert_eq!(violation.what, "handled on a host that is not of module back");
}

#[test]
fn a_hop_to_a_module_that_does_not_own_the_node_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        change_hop(entries, 3, 1, |event| {
            let Event::HopStarted { target_module, .. } = event else {
                panic!("a start")
            };
            *target_module = "store".into();
        });
    });
    assert_eq!(
        violation.what,
        "was sent to module store, which does not own the node"
    );
}

#[test]
fn a_hop_that_found_no_owner_may_fail() {
    let mut script = Script::new();
    script.at(S).unavailable(1);
    let (plan, mut journal) = script.finish();
    change_hop(&mut journal.entries, 1, 1, |event| {
        let Event::HopStarted { target_module, .. } = event else {
            panic!("a start")
        };
        *target_module = "".into();
    });
    assert!(RightPlace.check(&Run::of(&plan, &journal)).is_ok());
}

#[test]
fn a_call_that_is_sent_elsewhere_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        change_hop(entries, 3, 1, |event| {
            let Event::HopStarted { to, .. } = event else {
                panic!("a start")
            };
            *to = "echo.out".into();
        });
    });
    assert_eq!(
        (violation.call, violation.what.as_str()),
        (Some(3), "was sent to echo.out")
    );
}

#[test]
fn a_local_call_that_another_node_handles_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        change_handling(entries, 2, 1, |event| {
            let Event::HandleStarted { port, .. } = event else {
                panic!("a start")
            };
            *port = "out".into();
        });
    });
    assert_eq!(
        (violation.call, violation.what.as_str()),
        (Some(2), "was handled by router.out")
    );
}

#[test]
fn an_answer_that_nobody_gave_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        let id = span(1, 2);
        entries.retain(|entry| {
            !matches!(&entry.event,
                Event::HandleStarted { span, .. } | Event::HandleEnded { span, .. } if *span == id)
        });
    });
    assert_eq!(violation.what, "was answered, but nobody handled it");
}

#[test]
fn a_call_that_is_answered_without_a_handler_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        let id = span(2, 1);
        entries.retain(|entry| {
            !matches!(&entry.event,
                Event::HandleStarted { span, .. } | Event::HandleEnded { span, .. } if *span == id)
        });
    });
    assert_eq!((violation.call, violation.to.as_str()), (Some(2), "router.in"));
    assert_eq!(violation.what, "was answered, but nobody handled it");
}

#[test]
fn an_answer_of_a_handler_that_failed_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        let end = handle_end(entries, span(1, 2));
        let Event::HandleEnded { how, .. } = &mut entries[end].event else {
            panic!("an end")
        };
        *how = Handling::Dropped;
    });
    assert_eq!(violation.what, "was answered, but its handling did not end ok");
}

#[test]
fn a_message_out_of_nowhere_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        entries.remove(hop_start(entries, span(1, 2)));
    });
    assert_eq!(violation.what, "came from another module, which never sent it");
}

#[test]
fn replicas_of_a_module_may_all_answer() {
    let mut script = Script::new();
    script.at(S).chain(1);
    let (plan, mut journal) = script.finish();
    for place in [
        handle_start(&journal.entries, span(1, 2)),
        handle_end(&journal.entries, span(1, 2)),
    ] {
        journal.entries[place].host = "store-1".into();
    }
    assert!(RightPlace.check(&Run::of(&plan, &journal)).is_ok());
    assert_holds(&RightPlace, self::script());
}

/// A call whose first attempt is handled, and whose second is answered without another handling.
fn answered_from_memory(how: Handling, key: Id) -> Script {
    let mut script = Script::new();
    let (once, again) = (span(1, 1), span(1, 2));
    script.at(S).call_started(1, 0, "echo.in");
    script.hop_started(0, "front", 1, (once, Id::NONE), "echo.in", 0);
    script.handle_started(1, "back", 1, (once, Id::NONE), "echo.in", true);
    script.handle_ended(2, "back", once, how);
    script.hop_ended(3, "front", once, "timeout", "back:50051");
    script.hop_started(4, "front", 1, (again, Id::NONE), "echo.in", 0);
    script.hop_ended(5, "front", again, "ok", "back:50051");
    script.call_ended(5, 1, "");
    script.repeat(again, once, key);
    script
}

#[test]
fn an_answer_from_memory_needs_an_earlier_handling_of_the_same_key() {
    let answered = |how, key| {
        let (plan, journal) = answered_from_memory(how, key).finish();
        RightPlace.check(&Run::of(&plan, &journal)).is_ok()
    };
    assert!(answered(Handling::Ok, Id(7)));
    assert!(!answered(Handling::Ok, Id::NONE));
    assert!(!answered(Handling::Dropped, Id(7)));
}
