//! Timers are data: steps say what becomes of them, a tick fires those that are due.

use std::time::Duration;

use squall_machine::{Machine, State, Timers, Timestamp, Transition};

use crate::support::*;

fn after(nanoseconds: u64, event: &str) -> Transition {
    Transition::after(Duration::from_nanos(nanoseconds), &event.to_owned())
}

/// Two timers in the outer state, one in each inner one.
fn nested() -> Machine<Vec<String>, String> {
    Machine::builder("n")
        .initial("outer")
        .state(
            State::new("outer")
                .with(after(10, "early").assign("note"))
                .with(after(30, "end").to("over").assign("note"))
                .with(Transition::on("switch").to("two"))
                .child(State::new("one").with(after(20, "inner").assign("note")))
                .child(State::new("two").with(after(0, "at once").assign("note"))),
        )
        .state(State::new("over").ends())
        .assign("note", |it: &mut Vec<String>, event: Option<&String>| {
            it.extend(event.cloned());
        })
        .build()
        .unwrap()
}

fn ids(timers: &Timers<String>) -> Vec<(&str, i64)> {
    timers.armed().map(|(id, due, _)| (id, due.0)).collect()
}

#[test]
fn timers_of_all_entered_states_are_armed_and_those_of_left_states_cancelled() {
    let machine = nested();
    let cast = machine.cast(vec![]).unwrap();
    let (mut instance, mut timers) = (cast.instance, Timers::new());
    timers.apply(&cast.timers, Timestamp(100));
    let initial = [
        ("n:one:after:0", 120),
        ("n:outer:after:0", 110),
        ("n:outer:after:1", 130),
    ];
    assert_eq!(ids(&timers), initial);
    assert_eq!(timers.next(), Some(Timestamp(110)));
    assert_eq!(instance.rearm(), [&cast.timers[..]].concat());

    let fired = fire(&mut instance, "switch");
    timers.apply(&fired.timers, Timestamp(105));
    assert_eq!(
        fired.trace.microsteps,
        ["cancel.n:one:after:0", "schedule.n:two:after:0"]
    );
    let switched = [
        ("n:outer:after:0", 110),
        ("n:outer:after:1", 130),
        ("n:two:after:0", 105),
    ];
    assert_eq!(ids(&timers), switched);

    let ticked = timers.tick(&mut instance, Timestamp(200));
    assert_eq!(ticked.steps.len(), 3);
    assert_eq!(*instance.context(), ["at once", "early", "end"]);
    assert!(instance.is_done() && timers.is_empty());
}

#[test]
fn a_timer_that_a_tick_arms_waits_for_the_next_one() {
    let machine = Machine::<u32, String>::builder("loop")
        .initial("a")
        .state(State::new("a").with(after(0, "t").to("a").reenter().assign("count")))
        .assign("count", |n, _| *n += 1)
        .build()
        .unwrap();
    let cast = machine.cast(0).unwrap();
    let (mut instance, mut timers) = (cast.instance, Timers::new());
    timers.apply(&cast.timers, Timestamp(0));
    for ticks in 1..4 {
        assert_eq!(timers.tick(&mut instance, Timestamp(9)).steps.len(), 1);
        assert_eq!(*instance.context(), ticks);
    }
}

#[test]
fn a_timer_whose_step_fails_is_spent() {
    let machine = Machine::<u32, String>::builder("m")
        .initial("a")
        .state(State::new("a").with(after(1, "t").to("a").guard("never")))
        .guard("never", |_, _| false)
        .build()
        .unwrap();
    let cast = machine.cast(0).unwrap();
    let (mut instance, mut timers) = (cast.instance, Timers::new());
    timers.apply(&cast.timers, Timestamp(0));
    let ticked = timers.tick(&mut instance, Timestamp(5));
    assert!(ticked.steps[0].is_err());
    assert!(timers.is_empty());
    assert!(timers.tick(&mut instance, Timestamp(9)).steps.is_empty());
}

#[test]
fn deadlines_that_no_clock_reaches_do_not_overflow() {
    let mut timers = Timers::new();
    let late = Timestamp(i64::MAX - 1).after(i64::MAX);
    timers.arm("t".to_owned(), late, "x".to_owned());
    assert_eq!(timers.next(), Some(Timestamp(i64::MAX)));
}
