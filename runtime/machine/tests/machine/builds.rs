//! Mistakes in a machine are found before it runs, each under its name.

use std::time::Duration;

use serde_json::json;
use squall_machine::{BuildError, Builder, Definition, Machine, Region, State, Transition};

fn machine() -> Builder<u32, String> {
    Machine::builder("m")
        .initial("a")
        .state(State::new("a").with(Transition::on("go").to("b")))
        .state(State::new("b"))
}

fn mistake(builder: Builder<u32, String>) -> String {
    builder.build().unwrap_err().to_string()
}

fn with(transition: Transition) -> String {
    mistake(machine().state(State::new("c").with(transition)))
}

#[test]
fn a_machine_without_mistakes_builds() {
    let machine = machine().version("1.0.0").id("it").build().unwrap();
    assert!(machine.has_state("a") && !machine.has_state("z"));
    assert_eq!(machine.definition().states[0].transitions[0].from, "a");
}

#[test]
fn states_that_do_not_fit_together_are_found() {
    let none = Machine::<u32, String>::builder("m").state(State::new("a"));
    assert!(mistake(none).contains("has no initial state: name one with `initial`"));
    assert_eq!(
        mistake(machine().initial("z")),
        "machine \"m\" begins in state \"z\", which is not declared"
    );
    assert_eq!(
        mistake(machine().state(State::new("c").child(State::new("b")))),
        "state \"b\" is declared twice: give one of them another name"
    );
    assert_eq!(
        mistake(machine().state(State::new("c").child(State::new("")))),
        "a state within \"c\" has an empty name"
    );
    assert_eq!(mistake(Machine::builder("")), "a machine has an empty name");
    assert_eq!(
        mistake(machine().state(State::new("c").child(State::new("d")).initial("a"))),
        "state \"c\" begins in state \"a\", which is not one of the states directly within it"
    );
    let mut no_initial = State::new("c").child(State::new("d"));
    no_initial.initial_child = None;
    assert!(mistake(machine().state(no_initial)).contains("names none of them as initial"));
    assert_eq!(
        mistake(machine().state(State::new("c").ends().with(Transition::on("go").to("a")))),
        "state \"c\" is final and has transitions"
    );
    assert_eq!(
        mistake(machine().state(State::new("c").ends().child(State::new("d")))),
        "state \"c\" is final and has states within it"
    );
    let deep = (0..70).fold(State::new("bottom"), |state, level| {
        State::new(format!("s{level}")).child(state)
    });
    assert!(mistake(machine().state(deep)).contains("nested deeper than 64"));
}

#[test]
fn transitions_that_make_no_sense_are_found() {
    assert_eq!(
        with(Transition::on("go").to("z")),
        "the transition for event \"go\" of state \"c\" leads to state \"z\", which is not declared"
    );
    assert!(with(Transition::on("").to("a")).contains("has no event"));
    assert!(with(Transition::always()).contains("it would be taken for ever"));
    assert!(with(Transition::always().to("c")).contains("it would be taken for ever"));
    assert!(with(Transition::on("go").to("c").internal().reenter()).contains("is internal"));
    assert!(with(Transition::forbid("go").raise(&"x".to_owned())).contains("ignores its event"));
    let timer = Transition::after(Duration::from_secs(1), &"late".to_owned());
    let negative = Transition {
        after: Some(-1),
        ..timer.clone()
    };
    assert!(with(negative).contains("negative delay"));
    let wild = Transition {
        wildcard: true,
        ..timer
    };
    assert!(with(wild).contains("has a timer, which fires one event"));
}

#[test]
fn behaviour_is_there_and_there_once() {
    assert_eq!(
        with(Transition::on("x").guard("ready")),
        "guard \"ready\", which state \"c\" names, is not registered"
    );
    assert!(with(Transition::on("x").action("tell")).starts_with("action \"tell\""));
    assert!(with(Transition::on("x").assign("add")).starts_with("assign \"add\""));
    let twice = machine().guard("g", |_, _| true).guard("g", |_, _| false);
    assert_eq!(mistake(twice), "guard \"g\" is registered twice");
}

#[test]
fn events_that_are_none_of_the_machine_are_found() {
    let raised = Transition {
        raise: vec![json!(5)],
        ..Transition::on("x")
    };
    let error = machine().state(State::new("c").with(raised)).build().unwrap_err();
    assert!(matches!(error, BuildError::BadEvent { .. }), "{error}");
}

#[test]
fn what_is_not_supported_is_refused_and_not_ignored() {
    let parallel = State {
        regions: vec![Region::default()],
        ..State::new("c")
    };
    assert_eq!(
        mistake(machine().state(parallel)),
        "state \"c\" has parallel regions, which is not supported"
    );
    let history = State {
        history_type: Some(json!("deep")),
        ..State::new("c")
    };
    assert!(mistake(machine().state(history)).contains("a history type"));
    let invokes = State {
        invoke: vec![json!({"src": "fetch"})],
        ..State::new("c")
    };
    assert!(mistake(machine().state(invokes)).contains("services or actors"));
    let expression = Transition {
        guard_expr: Some(json!({"and": []})),
        ..Transition::on("x")
    };
    assert!(with(expression).contains("guard expression"));
}

#[test]
fn a_definition_is_read_and_written_unchanged_and_builds_with_its_behaviour() {
    let text = r#"{"schemaVersion":"1.0","id":"it","name":"m","version":"2","states":[{"name":"a","transitions":[{"from":"a","to":"b","on":"go","guards":[{"name":"ready","params":{"n":1}}],"after":5000000000,"reenter":true}],"children":[{"name":"b"}],"initialChild":"b","meta":{"x":1}}],"initial":"a","hasInitial":true}"#;
    let definition = Definition::from_json(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(definition.to_json().unwrap()).unwrap(), text);
    let machine = Machine::<u32, String>::of(definition.clone())
        .guard("ready", |_, _| true)
        .build()
        .unwrap();
    assert_eq!(*machine.definition(), definition);

    let newer = text.replace(r#""schemaVersion":"1.0""#, r#""schemaVersion":"2.0""#);
    let error = Definition::from_json(newer.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("newer than 1.0"), "{error}");
}
