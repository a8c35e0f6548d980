use super::*;
use crate::journal::{Event, Handling};
use crate::testing::{S, Script, broken, handle_end, handle_start, hop_start, span};

fn script() -> Script {
    let mut script = Script::new();
    script.at(S).chain(1).at(2 * S).local(2).at(3 * S).unavailable(3);
    script
}

#[test]
fn an_answer_that_nobody_gave_is_found() {
    let violation = broken(&Executed, script(), |entries| {
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
    let violation = broken(&Executed, script(), |entries| {
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
    let violation = broken(&Executed, script(), |entries| {
        let end = handle_end(entries, span(1, 2));
        let Event::HandleEnded { how, .. } = &mut entries[end].event else {
            panic!("an end")
        };
        *how = Handling::Dropped;
    });
    assert_eq!(violation.what, "was answered, but its handling did not end ok");
}

/// A call whose first attempt is executed, and whose retry gets a remembered reply.
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
        Executed.check(&Run::of(&plan, &journal)).is_ok()
    };
    assert!(answered(Handling::Ok, Id(7)));
    assert!(!answered(Handling::Ok, Id::NONE));
    assert!(!answered(Handling::Dropped, Id(7)));
}

/// Two calls, of which the second gets a reply without an execution; with keys.
fn two_calls(keys: [u64; 2]) -> Result<u64, Violation> {
    let mut script = Script::new();
    for call in [1, 2] {
        let only = span(call, 1);
        script.at(call * S).call_started(call, 0, "echo.in");
        script.hop_started(0, "front", call, (only, Id::NONE), "echo.in", 0);
        if call == 1 {
            script.handle_started(1, "back", call, (only, Id::NONE), "echo.in", true);
            script.handle_ended(2, "back", only, Handling::Ok);
        }
        script.hop_ended(3, "front", only, "ok", "back:50051");
        script.call_ended(3, call, "");
    }
    let (plan, mut journal) = script.finish();
    for (call, id) in [(1, keys[0]), (2, keys[1])] {
        let start = hop_start(&journal.entries, span(call, 1));
        change_key(&mut journal.entries[start].event, id);
    }
    let start = handle_start(&journal.entries, span(1, 1));
    change_key(&mut journal.entries[start].event, keys[0]);
    Executed.check(&Run::of(&plan, &journal))
}

fn change_key(event: &mut Event, to: u64) {
    match event {
        Event::HopStarted { key, .. } | Event::HandleStarted { key, .. } => *key = Id(to),
        other => panic!("no key in {other:?}"),
    }
}

#[test]
fn a_call_that_is_answered_with_what_another_one_got_is_found() {
    let violation = two_calls([7, 7]).unwrap_err();
    assert_eq!(
        (violation.call, violation.what.as_str()),
        (
            Some(2),
            "was answered with what call 1 was, which has the same idempotency key, and was not executed itself"
        )
    );
    let violation = two_calls([7, 8]).unwrap_err();
    assert_eq!(violation.what, "was answered, but nobody handled it");
}

#[test]
fn it_says_how_many_answers_it_has_looked_at() {
    let (plan, journal) = script().finish();
    // Two calls that ended ok, and the two hops of the first.
    assert_eq!(Executed.check(&Run::of(&plan, &journal)), Ok(4));
}
