//! One step: what is selected, in which order things run, and that nothing remains of a step that fails.

use squall_machine::{MICROSTEPS_MAX, Machine, Outcome, Problem, State, Transition};

use crate::support::*;

fn kinds(fired: &squall_machine::Fired<String>) -> Vec<&str> {
    fired.effects.iter().map(|effect| effect.kind.as_str()).collect()
}

#[test]
fn exits_run_inside_out_then_the_transition_then_entries_outside_in() {
    let machine = heater();
    let mut instance = begin(&machine, vec![]);
    let fired = fire(&mut instance, "on");
    assert_eq!(kinds(&fired), ["starting", "entering on", "entering low"]);
    assert_eq!(*instance.context(), ["started", "in on"]);
    assert_eq!(
        (instance.state(), instance.is_in("on"), instance.is_in("off")),
        ("low", true, false)
    );
    assert_eq!(fired.trace.exited_states, ["off"]);
    assert_eq!(fired.trace.entered_states, ["on", "low"]);
    assert_eq!(
        fired.trace.effects_emitted,
        ["start:starting", "enter on:entering on", "enter low:entering low"]
    );

    let fired = fire(&mut instance, "up");
    assert_eq!(kinds(&fired), ["leaving low"]);
    let fired = fire(&mut instance, "off");
    assert_eq!(kinds(&fired), ["leaving on", "stopping"]);
    assert_eq!(fired.trace.matched_at, "on");
    assert_eq!(fired.trace.exited_states, ["high", "on"]);
    assert_eq!(instance.context()[2..], ["in high", "out of high", "out of on"]);
    assert!(json(&instance).contains(r#""historyShallow":{"on":"high"},"historyDeep":{"on":["high"]}"#));
}

#[test]
fn a_transition_to_the_own_state_or_one_around_it_leaves_nothing_unless_it_says_so() {
    let mut instance = begin(&heater(), vec![]);
    fire(&mut instance, "on");
    fire(&mut instance, "up");
    let fired = fire(&mut instance, "stay");
    assert_eq!((instance.state(), fired.trace.exited_states.len()), ("high", 0));
    assert_eq!(instance.context().last().unwrap(), "stayed");

    let fired = fire(&mut instance, "again");
    assert_eq!(fired.trace.exited_states, ["high", "on"]);
    assert_eq!(fired.trace.entered_states, ["on", "low"]);
}

#[test]
fn a_forbidden_event_is_consumed_where_it_is_forbidden() {
    let mut instance = begin(&heater(), vec![]);
    fire(&mut instance, "on");
    let fired = fire(&mut instance, "off");
    assert_eq!(instance.state(), "low");
    assert_eq!(fired.trace.microsteps, ["forbidden.off@low"]);
    assert_eq!(
        (fired.trace.outcome, &*fired.trace.matched_at),
        (Outcome::Success, "low")
    );
}

#[test]
fn a_final_state_completes_those_around_it_and_takes_no_event() {
    let mut instance = begin(&heater(), vec![]);
    for event in ["on", "up"] {
        fire(&mut instance, event);
    }
    let fired = fire(&mut instance, "top");
    assert_eq!(kinds(&fired), ["all done"]);
    assert_eq!(fired.trace.microsteps, ["done.full"]);
    assert!(instance.is_done());
    let error = instance.fire(&"off".to_owned()).unwrap_err();
    assert!(matches!(error.problem, Problem::Final { .. }), "{error}");
    assert!(error.problem.is_rejection());
}

/// A machine of one state, in which a transition does what a test is about.
fn one(transitions: impl IntoIterator<Item = Transition>) -> squall_machine::Builder<u32, String> {
    let state = transitions.into_iter().fold(State::new("a"), State::with);
    Machine::builder("m")
        .initial("a")
        .state(state)
        .state(State::new("b"))
        .state(State::new("c"))
        .guard("yes", |_, _| true)
        .guard("no", |_, _| false)
        .guard("below 3", |n, _| *n < 3)
        .guard("broken", |_, _| panic!("the guard broke"))
        .assign("add", |n, _| *n += 1)
        .assign("broken", |_, _| panic!("the assign broke"))
        .action("fails", |_, _| Err("no disk".into()))
        .action("panics", |_, _| panic!("the action broke"))
        .action("nothing", |_, _| Ok(None))
}

#[test]
fn transitions_for_the_event_come_before_those_for_all() {
    let transitions = || {
        [
            Transition::any().to("c"),
            Transition::on("go").to("c").guard("no"),
            Transition::on("go").to("b").guard("yes"),
        ]
    };
    let machine = one(transitions()).build().unwrap();
    let mut instance = begin(&machine, 0);
    let fired = fire(&mut instance, "go");
    assert_eq!(
        (instance.state(), fired.trace.guards_evaluated),
        ("b", vec!["no".to_owned(), "yes".to_owned()])
    );
    let mut instance = begin(&machine, 0);
    fire(&mut instance, "else");
    assert_eq!(instance.state(), "c");
}

#[test]
fn raised_events_come_before_eventless_transitions_and_unhandled_ones_are_ignored() {
    let (x, y) = ("x".to_owned(), "y".to_owned());
    let machine = one([
        Transition::on("go").raise(&x).raise(&y).assign("add"),
        Transition::on("x").assign("add"),
        Transition::always().guard("below 3").assign("add"),
    ])
    .build()
    .unwrap();
    let mut instance = begin(&machine, 0);
    let fired = fire(&mut instance, "go");
    assert_eq!(fired.trace.microsteps, ["raise.x", "raise.y", "x", "y", "always"]);
    assert_eq!(*instance.context(), 3);
    assert_eq!(instance.traces().count(), 1);
}

#[test]
fn the_largest_chain_of_steps_ends_and_one_more_is_endless() {
    let machine = |bound: u32| {
        Machine::<u32, String>::builder("m")
            .initial("a")
            .state(
                State::new("a")
                    .with(Transition::on("go").assign("add"))
                    .with(Transition::always().guard("below").assign("add")),
            )
            .guard("below", move |n, _| *n < bound)
            .assign("add", |n, _| *n += 1)
            .build()
            .unwrap()
    };
    let max = u32::try_from(MICROSTEPS_MAX).unwrap();
    let mut instance = begin(&machine(max + 1), 0);
    fire(&mut instance, "go");
    assert_eq!(*instance.context(), max + 1);

    let mut instance = begin(&machine(max + 2), 0);
    let error = instance.fire(&"go".to_owned()).unwrap_err();
    assert!(matches!(
        error.problem,
        Problem::Endless {
            max: MICROSTEPS_MAX,
            ..
        }
    ));
    assert_eq!(*instance.context(), 0);
}

#[test]
fn nothing_of_a_step_that_fails_remains() {
    let machine = one([
        Transition::on("action")
            .to("b")
            .assign("add")
            .raise(&"then".to_owned()),
        Transition::on("guard").guard("yes").guard("broken"),
        Transition::on("assign").to("b").assign("add").assign("broken"),
        Transition::on("fails").to("b").action("nothing").action("fails"),
        Transition::on("panics").action("panics"),
        Transition::on("guarded").guard("no"),
    ])
    .state(State::new("d"))
    .build()
    .unwrap();
    let mut instance = begin(&machine, 0);
    let before = json(&instance);
    let told = [
        (
            "unknown",
            Outcome::InvalidTransition,
            "state \"a\" has no transition for event \"unknown\"",
        ),
        (
            "guarded",
            Outcome::GuardFailed,
            "guard \"no\" does not hold for event \"guarded\" in state \"a\"",
        ),
        (
            "guard",
            Outcome::GuardPanic,
            "guard \"broken\" panicked: the guard broke",
        ),
        (
            "assign",
            Outcome::AssignFailed,
            "assign \"broken\" failed: the assign broke",
        ),
        ("fails", Outcome::EffectError, "action \"fails\" failed: no disk"),
        (
            "panics",
            Outcome::EffectError,
            "action \"panics\" failed: the action broke",
        ),
    ];
    for (event, outcome, text) in told {
        let error = instance.fire(&event.to_owned()).unwrap_err();
        assert_eq!(
            (error.to_string(), error.trace.outcome),
            (text.to_owned(), outcome)
        );
        // Not even a trace: a copy that is recovered from what was recorded would not have it.
        assert_eq!(json(&instance), before);
    }
    fire(&mut instance, "action");
    assert_eq!((instance.state(), *instance.context()), ("b", 1));
}

#[test]
fn a_failing_raised_event_fails_the_whole_step() {
    let machine = one([
        Transition::on("go").assign("add").raise(&"fails".to_owned()),
        Transition::on("fails").action("fails"),
    ])
    .build()
    .unwrap();
    let mut instance = begin(&machine, 0);
    assert!(instance.fire(&"go".to_owned()).is_err());
    assert_eq!(*instance.context(), 0);
}
