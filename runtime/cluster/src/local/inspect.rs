//! What there is on a node.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::Local;
use crate::mailbox::Message;
use crate::registry::Phase;
use crate::{ActorRef, BoxError, Event, SpawnSpec};

/// An actor, as it is now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ActorStatus {
    /// Its reference, with its node.
    pub reference: ActorRef,
    /// Whether it runs.
    pub life: Life,
    /// The number of messages that wait or are being handled.
    pub unfinished: usize,
    /// The number of messages that it was ever given, by any incarnation.
    pub accepted: u64,
    /// The actor that spawned it.
    pub parent: Option<String>,
    /// The ids of its children.
    pub children: Vec<String>,
    /// Tells this life of the actor from earlier and later ones of the same id.
    pub incarnation: u64,
}

/// Whether an actor runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Life {
    /// Its behaviour is running.
    Starting,
    /// It takes messages.
    Running,
    /// It has completed with this output.
    Done(Value),
    /// It has failed for this reason.
    Failed(String),
}

impl<E: Event> Local<E> {
    pub(crate) fn running(&self) -> usize {
        self.registry().running()
    }

    /// How an actor was spawned.
    pub(crate) fn spec(&self, id: &str) -> Option<Arc<SpawnSpec>> {
        let registry = self.registry();
        registry.slots.get(id).map(|slot| Arc::clone(&slot.spec))
    }

    /// The state of a running actor, which answers between two messages. `None`: it does not run.
    pub(crate) async fn snapshot(&self, id: &str) -> Option<Result<Option<Value>, BoxError>> {
        let (answer, answered) = oneshot::channel();
        let now = self.environment.wall_clock();
        let is_sent = self.mailbox(id)?.send(Message::Snapshot(now, answer));
        is_sent?.ok()?;
        answered.await.ok()
    }

    pub(crate) fn status(&self, id: &str) -> Option<ActorStatus> {
        let registry = self.registry();
        let slot = registry.slots.get(id)?;
        let life = match &slot.phase {
            Phase::Starting(_) => Life::Starting,
            Phase::Running => Life::Running,
            Phase::Done(output) => Life::Done(output.clone()),
            Phase::Failed { cause, .. } => Life::Failed(cause.to_string()),
            Phase::Stopped => return None,
        };
        Some(ActorStatus {
            reference: slot.spec.reference(&self.node),
            life,
            unfinished: slot.mailbox.unfinished(),
            accepted: slot.mailbox.accepted(),
            parent: slot.spec.parent.clone(),
            children: slot.children.iter().cloned().collect(),
            incarnation: slot.incarnation,
        })
    }

    /// The ids of all actors that are not stopped, in their order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let registry = self.registry();
        let slots = registry
            .slots
            .iter()
            .filter(|(_, slot)| !matches!(slot.phase, Phase::Stopped));
        slots.map(|(id, _)| id.clone()).collect()
    }
}
