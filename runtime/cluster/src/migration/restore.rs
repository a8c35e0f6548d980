//! Goes on with a checkpoint.

use serde_json::Value;
use squall_machine::{Definition, Instance, Machine, Report, RestoreOptions, Snapshot, diff};

use super::{ActorSnapshot, Checkpoint};
use crate::{ActorRef, Error, Event, System};

/// An instance that goes on, and its actors.
#[derive(Debug)]
pub struct Restored<C, E> {
    /// The instance. No action has run again, and no timer is armed: see [`Instance::rearm`].
    pub instance: Instance<C, E>,
    /// The actors that run again, parents first, by id.
    pub actors: Vec<ActorRef>,
    /// How the definitions differ. Nothing of it is breaking.
    pub changes: Report,
}

/// Why a checkpoint cannot be gone on with. No actor was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The definition cannot be read.
    #[error("the definition of the checkpoint cannot be read: {0}")]
    Definition(#[source] serde_json::Error),
    /// Instances of the checkpoint's definition may break with the target's.
    #[error("the machine is not compatible with that of the checkpoint:\n{report}")]
    Incompatible {
        /// What has changed.
        report: Report,
    },
    /// The snapshot cannot be read.
    #[error("the snapshot of the checkpoint cannot be read: {0}")]
    Snapshot(#[source] serde_json::Error),
    /// The snapshot does not fit the machine.
    #[error("the snapshot of the checkpoint does not fit: {0}")]
    Instance(#[source] squall_machine::RestoreError),
    /// An actor cannot be read.
    #[error("actor '{id}' of the checkpoint cannot be read: {reason}")]
    Actor {
        /// The actor.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// There are actors, and no system was given for them.
    #[error("the checkpoint has actor '{id}', and there is no system for it")]
    NoSystem {
        /// The first actor.
        id: String,
    },
    /// An actor cannot be started, because its behaviour is unknown, it fails, or its id is taken. Those that were started
    /// before are stopped again.
    #[error("actor '{id}' of the checkpoint cannot be started: {error}")]
    Spawn {
        /// The actor.
        id: String,
        /// Why.
        #[source]
        error: Error,
    },
}

/// Goes on with a checkpoint: checks that the machine is compatible, restores the instance, and starts the actors that had
/// not ended, in `system`, with the state that they had.
///
/// Each actor is made by its behaviour with its first input, and then given its state.
///
/// # Errors
/// When a part cannot be read, the machine is not compatible, or an actor cannot be started.
pub fn restore<C, E, A>(
    checkpoint: &Checkpoint,
    target: &Machine<C, E>,
    system: Option<&System<A>>,
) -> Result<Restored<C, E>, RestoreError>
where
    C: squall_machine::Context,
    E: squall_machine::Event,
    A: Event,
{
    let definition = serde_json::to_vec(&checkpoint.machine_ir).and_then(|it| Definition::from_json(&it));
    let definition = definition.map_err(RestoreError::Definition)?;
    let changes = diff(&definition, target.definition());
    if !changes.breaking.is_empty() {
        return Err(RestoreError::Incompatible { report: changes });
    }
    let snapshot: Snapshot =
        serde_json::from_value(checkpoint.snapshot.clone()).map_err(RestoreError::Snapshot)?;
    let instance = target
        .restore(&snapshot, RestoreOptions::default())
        .map_err(RestoreError::Instance)?;
    let mut plan = Vec::new();
    for (id, actor) in &checkpoint.actors {
        plan_tree(&mut plan, read(id, actor)?)?;
    }
    let actors = match (plan.first(), system) {
        (None, _) => Vec::new(),
        (Some(_), Some(system)) => start(system, plan)?,
        (Some(first), None) => {
            let id = first.actor.id.clone();
            return Err(RestoreError::NoSystem { id });
        }
    };
    Ok(Restored {
        instance,
        actors,
        changes,
    })
}

/// An actor that is to be started.
struct Planned {
    actor: ActorSnapshot,
    parent: Option<String>,
}

fn read(id: &str, actor: &Value) -> Result<ActorSnapshot, RestoreError> {
    let wrong = |reason: String| RestoreError::Actor {
        id: id.to_owned(),
        reason,
    };
    let actor: ActorSnapshot =
        serde_json::from_value(actor.clone()).map_err(|error| wrong(error.to_string()))?;
    match actor.id == id {
        true => Ok(actor),
        false => Err(wrong(format!("it has the id '{}'", actor.id))),
    }
}

/// An actor and those below it, parents first. What had ended is not started again.
fn plan_tree(plan: &mut Vec<Planned>, root: ActorSnapshot) -> Result<(), RestoreError> {
    let mut left = vec![Planned {
        actor: root,
        parent: None,
    }];
    while let Some(mut it) = left.pop() {
        if it.actor.done {
            continue;
        }
        if !it.actor.mailbox.is_empty() {
            return Err(RestoreError::Actor {
                id: it.actor.id,
                reason: format!("it has {} unhandled messages", it.actor.mailbox.len()),
            });
        }
        let children = std::mem::take(&mut it.actor.children);
        let parent = Some(it.actor.id.clone());
        left.extend(children.into_iter().rev().map(|actor| Planned {
            actor,
            parent: parent.clone(),
        }));
        plan.push(it);
    }
    Ok(())
}

/// Starts all of them, or none.
fn start<A: Event>(system: &System<A>, plan: Vec<Planned>) -> Result<Vec<ActorRef>, RestoreError> {
    let mut started: Vec<ActorRef> = Vec::new();
    for it in plan {
        let spec = it.actor.spec(it.parent.as_deref());
        match system.0.spawn_with_state(spec, it.actor.child) {
            Ok(reference) => started.push(reference),
            Err(error) => {
                for reference in started.iter().rev() {
                    system.stop(reference);
                }
                let id = it.actor.id;
                return Err(RestoreError::Spawn { id, error });
            }
        }
    }
    Ok(started)
}
