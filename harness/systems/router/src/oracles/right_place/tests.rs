use squall_core::journal::{Entry, Event};

use super::*;
use crate::testing::{OfModules, S, Script, assert_holds, broken, handle_end, handle_start, hop_start, span};

fn script() -> Script {
    let mut script = Script::of_modules();
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
    let mut script = Script::of_modules();
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
fn a_message_out_of_nowhere_is_found() {
    let violation = broken(&RightPlace, script(), |entries| {
        entries.remove(hop_start(entries, span(1, 2)));
    });
    assert_eq!(violation.what, "came from another module, which never sent it");
}

#[test]
fn replicas_of_a_module_may_all_answer() {
    let mut script = Script::of_modules();
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
