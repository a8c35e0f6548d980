//! Machines that several tests use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use squall_machine::{Effect, Instance, Machine, Retain, State, Transition};

/// The context of the golden file's machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counter {
    pub(crate) n: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) log: Vec<String>,
}

pub(crate) type Counting = Machine<Counter, String>;

/// The machine of the golden file.
pub(crate) fn counter() -> Counting {
    Machine::builder("counter")
        .initial("a")
        .state(State::new("a").with(Transition::on("next").to("b").assign("add")))
        .state(
            State::new("b")
                .with(Transition::on("next").to("c").assign("add"))
                .with(Transition::on("back").to("a"))
                .with(
                    Transition::after(Duration::from_secs(5), &"timeout".to_owned())
                        .to("c")
                        .assign("add"),
                ),
        )
        .state(State::new("c").ends())
        .assign("add", |it: &mut Counter, event: Option<&String>| {
            it.n += 1;
            it.log.extend(event.cloned());
        })
        .build()
        .unwrap()
}

/// A machine of two levels that notes what runs.
///
/// ```text
/// off -on-> on { low -up-> high -top-> full (final) } -off-> off
/// ```
pub(crate) fn heater() -> Machine<Vec<String>, String> {
    let note = |name: &'static str| move |it: &mut Vec<String>, _: Option<&String>| it.push(name.to_owned());
    let tell = |name: &'static str| move |_: &Vec<String>, _: Option<&String>| Ok(Some(Effect::new(name)));
    Machine::builder("heater")
        .initial("off")
        .state(State::new("off").with(Transition::on("on").to("on").action("start").assign("started")))
        .state(
            State::new("on")
                .enter("enter on")
                .enter_assign("in on")
                .exit("exit on")
                .exit_assign("out of on")
                .done("done on")
                .with(Transition::on("off").to("off").action("stop"))
                .with(Transition::on("again").to("on").reenter())
                .with(Transition::on("stay").to("on").assign("stayed"))
                .child(
                    State::new("low")
                        .enter("enter low")
                        .exit("exit low")
                        .with(Transition::on("up").to("high"))
                        .with(Transition::forbid("off")),
                )
                .child(
                    State::new("high")
                        .enter_assign("in high")
                        .exit_assign("out of high")
                        .with(Transition::on("top").to("full")),
                )
                .child(State::new("full").ends()),
        )
        .assign("started", note("started"))
        .assign("stayed", note("stayed"))
        .assign("in on", note("in on"))
        .assign("out of on", note("out of on"))
        .assign("in high", note("in high"))
        .assign("out of high", note("out of high"))
        .action("start", tell("starting"))
        .action("stop", tell("stopping"))
        .action("enter on", tell("entering on"))
        .action("exit on", tell("leaving on"))
        .action("done on", tell("all done"))
        .action("enter low", tell("entering low"))
        .action("exit low", tell("leaving low"))
        .build()
        .unwrap()
}

/// An instance that keeps all traces.
pub(crate) fn begin<C: squall_machine::Context>(
    machine: &Machine<C, String>,
    context: C,
) -> Instance<C, String> {
    machine.cast_with(context, Retain::All).unwrap().instance
}

pub(crate) fn fire<C: squall_machine::Context>(
    instance: &mut Instance<C, String>,
    event: &str,
) -> squall_machine::Fired<String> {
    instance.fire(&event.to_owned()).unwrap()
}

pub(crate) fn json<C: squall_machine::Context>(instance: &Instance<C, String>) -> String {
    String::from_utf8(instance.snapshot_json().unwrap()).unwrap()
}
