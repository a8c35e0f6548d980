//! A machine, and a node whose actors are instances of it.

use serde_json::json;
use squall_cluster::{
    BoxError, ChildEnd, Context, Input, MachineActor, MachineHost, SpawnSpec, System, async_trait,
};
use squall_machine::{Builder, Effect, Machine, State, Transition};

use super::{Shared, ms, platform};

pub(crate) type Door = Machine<u32, String>;

fn states() -> [State; 2] {
    let opens = Transition::on("open").to("open").assign("count").action("ring");
    let swing = "swing".to_owned();
    let open = State::new("open")
        .with(Transition::on("close").to("closed"))
        .with(Transition::on("jam").to("closed").action("jam"))
        .with(Transition::on("burn").to("ash"))
        .with(Transition::after(ms(1000), &swing).to("closed").assign("count"));
    [State::new("closed").enter("greet").with(opens), open]
}

/// A door that counts how often it was opened, and closes by itself after a second, which counts as well.
pub(crate) fn door() -> Door {
    let mut builder = Machine::builder("door").initial("closed");
    for state in states().into_iter().chain([State::new("ash").ends()]) {
        builder = builder.state(state);
    }
    behaving(builder).build().unwrap()
}

/// The behaviour of doors.
pub(crate) fn behaving(definition: Builder<u32, String>) -> Builder<u32, String> {
    definition
        .assign("count", |opened, _| *opened += 1)
        .action("greet", |_, _| Ok(Some(Effect::new("say"))))
        .action("ring", |opened, _| Ok(Some(Effect::with("ring", opened)?)))
        .action("jam", |_, _| Err("it is stuck".into()))
}

/// Writes effects into the log. A door that is told to, spawns another one.
struct Porter(Shared);

#[async_trait]
impl MachineHost<String> for Porter {
    async fn perform(&mut self, effect: Effect, context: &mut Context<'_, String>) -> Result<(), BoxError> {
        let (id, kind) = (context.id().to_owned(), &effect.kind);
        self.0.say(format!("{id}: {kind} {}", effect.payload));
        if effect.kind == "ring" && id == "gate" {
            let child = SpawnSpec::new("door", "wicket").on_done("wicket-burnt");
            context.spawn(child).await?;
        }
        Ok(())
    }

    fn child_event(&mut self, child: ChildEnd) -> Option<String> {
        (child.route == "wicket-burnt").then(|| "close".to_owned())
    }
}

/// A node of doors, with the behaviour `door`. The input's `opened` is what a door begins with.
pub(crate) fn doors(name: &str, machine: &Door, shared: &Shared) -> System<String> {
    let (machine, shared) = (machine.clone(), shared.clone());
    let behaviour = move |input: Option<Input>| {
        let input = json!(input.unwrap_or_default());
        let opened = u32::try_from(input["opened"].as_u64().unwrap_or(0))?;
        Ok(MachineActor::new(&machine, opened)?.host(Porter(shared.clone())))
    };
    System::builder(platform(), name)
        .behaviour("door", behaviour)
        .build()
}
