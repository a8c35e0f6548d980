//! Takes a checkpoint.

use std::collections::BTreeMap;

use squall_machine::Instance;

use super::{ActorSnapshot, Checkpoint};
use crate::local::{ActorStatus, Life};
use crate::{BoxError, Event, System};

/// Why no checkpoint was taken. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// An actor has messages that it has not handled. Stop its senders, and wait.
    #[error("actor '{id}' has {unfinished} unhandled messages: wait until there are none")]
    Busy {
        /// The actor.
        id: String,
        /// The messages that wait or are being handled.
        unfinished: usize,
    },
    /// An actor was spawned, has ended or has got a message meanwhile. Stop its senders, and try again.
    #[error("actor '{id}' has changed while the checkpoint was taken: stop its senders, and try again")]
    Changed {
        /// The actor.
        id: String,
    },
    /// The state of an actor has no JSON.
    #[error("the state of actor '{id}' cannot be written: {error}")]
    Actor {
        /// The actor.
        id: String,
        /// Its error.
        #[source]
        error: BoxError,
    },
    /// The state or the definition of the instance has no JSON.
    #[error("the instance cannot be written: {0}")]
    Instance(#[source] BoxError),
}

/// Takes a checkpoint of an instance and of all actors of a node. It is one state of all of them: a capture during which
/// something happens is refused.
///
/// # Errors
/// When an actor is busy, something happens meanwhile, or a state has no JSON.
pub async fn capture<C, E, A>(
    instance: &Instance<C, E>,
    actors: Option<&System<A>>,
) -> Result<Checkpoint, CaptureError>
where
    C: squall_machine::Context,
    E: squall_machine::Event,
    A: Event,
{
    let wrong = |error: serde_json::Error| CaptureError::Instance(error.into());
    let snapshot = instance
        .snapshot()
        .map_err(|error| CaptureError::Instance(error.into()))?;
    let roots = match actors {
        Some(system) => tree(system).await?,
        None => Vec::new(),
    };
    let mut actors = BTreeMap::new();
    for root in roots {
        let id = root.id.clone();
        actors.insert(id, serde_json::to_value(root).map_err(wrong)?);
    }
    let machine_ir = instance.machine().definition();
    Ok(Checkpoint {
        snapshot: serde_json::to_value(snapshot).map_err(wrong)?,
        actors,
        machine_ir: serde_json::to_value(machine_ir).map_err(wrong)?,
    })
}

/// All actors of a node, at one time.
async fn tree<A: Event>(system: &System<A>) -> Result<Vec<ActorSnapshot>, CaptureError> {
    let before = system.actors();
    if let Some(busy) = before
        .iter()
        .find(|it| it.unfinished > 0 || it.life == Life::Starting)
    {
        return Err(CaptureError::Busy {
            id: busy.reference.id.clone(),
            unfinished: busy.unfinished,
        });
    }
    let mut taken = BTreeMap::new();
    for status in &before {
        let id = &status.reference.id;
        let changed = || CaptureError::Changed { id: id.clone() };
        let is_running = status.life == Life::Running;
        let state = match is_running {
            true => system.0.snapshot(id).await.ok_or_else(changed)?,
            false => Ok(None),
        };
        let state = state.map_err(|error| CaptureError::Actor {
            id: id.clone(),
            error,
        })?;
        let spec = system.0.spec(id).ok_or_else(changed)?;
        taken.insert(id.clone(), ActorSnapshot::new(&spec, state, !is_running));
    }
    unchanged(&before, &system.actors())?;
    Ok(nested(taken, &before))
}

/// That nothing has happened meanwhile.
fn unchanged(before: &[ActorStatus], after: &[ActorStatus]) -> Result<(), CaptureError> {
    let same = |one: &ActorStatus, other: &ActorStatus| {
        (one.incarnation, one.accepted, &one.life) == (other.incarnation, other.accepted, &other.life)
    };
    let differs = before.iter().zip(after).find(|(one, other)| !same(one, other));
    let surplus = after.get(before.len()).or(before.get(after.len()));
    match differs.map(|(_, other)| other).or(surplus) {
        Some(changed) => Err(CaptureError::Changed {
            id: changed.reference.id.clone(),
        }),
        None => Ok(()),
    }
}

/// Actors within their parents.
fn nested(mut taken: BTreeMap<String, ActorSnapshot>, statuses: &[ActorStatus]) -> Vec<ActorSnapshot> {
    let by_id: BTreeMap<&str, &ActorStatus> = statuses.iter().map(|it| (&*it.reference.id, it)).collect();
    let parent_of = |status: &ActorStatus| by_id.get(status.parent.as_deref()?).copied();
    // As many as there are actors, for a spawn may name any parent.
    let depth_of = |status| {
        let ancestors = std::iter::successors(parent_of(status), |it| parent_of(it));
        ancestors.take(statuses.len()).count()
    };
    let mut deepest_first: Vec<&ActorStatus> = statuses.iter().collect();
    deepest_first.sort_by_key(|status| std::cmp::Reverse(depth_of(status)));
    let mut roots = Vec::new();
    for status in deepest_first {
        let Some(snapshot) = taken.remove(&status.reference.id) else {
            continue;
        };
        let parent = status.parent.as_ref().and_then(|id| taken.get_mut(id));
        match parent {
            Some(parent) => parent.children.push(snapshot),
            None => roots.push(snapshot),
        }
    }
    roots
}
