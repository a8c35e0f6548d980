//! Journal events of actors.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_core::calls::Folding;
use squall_core::journal::{Entry, Event, EventKind, SystemEvent};

/// How to read them from a file.
pub const KIND: EventKind = EventKind {
    kinds: &[
        "actor_spawned",
        "actor_ended",
        "actor_handled",
        "actor_supervised",
        "message_undelivered",
    ],
    read: |value| serde_json::from_value::<ClusterEvent>(value).map(Event::of),
};

/// An event of an actor. Its node is the host of the line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ClusterEvent {
    /// An actor runs from now on.
    ActorSpawned {
        /// Its id.
        actor: Arc<str>,
        /// The name of its behaviour.
        src: Arc<str>,
        /// The id of the actor that spawned it; empty without one.
        parent: Arc<str>,
        /// Tells this life of the actor from others in the same process.
        incarnation: u64,
    },
    /// A running actor no longer runs.
    ActorEnded {
        /// Its id.
        actor: Arc<str>,
        /// The name of its behaviour.
        src: Arc<str>,
        /// Which life ended.
        incarnation: u64,
        /// `stopped`, `completed` or `failed`
        how: Arc<str>,
        /// The cause of a failure.
        cause: Arc<str>,
    },
    /// An actor has come to the end of an event.
    ActorHandled {
        /// Its id.
        actor: Arc<str>,
        /// In which life.
        incarnation: u64,
        /// The id of the message; empty without one. For a workload's delivery it is the trace of the call.
        message: Arc<str>,
        /// The event's place in this life: 1, 2, ...
        number: u64,
        /// `handled`, `ignored`, `rejected`, `completed` or `failed`
        outcome: Arc<str>,
    },
    /// A supervisor has dealt with a failure.
    ActorSupervised {
        /// The id of the actor.
        actor: Arc<str>,
        /// The name of its behaviour.
        src: Arc<str>,
        /// Which life failed.
        incarnation: u64,
        /// `escalate`, `stop`, `restart` or `backoff`
        decision: Arc<str>,
        /// The time until a planned restart in nanoseconds; 0 if none is planned.
        delay: u64,
    },
    /// A message of an actor to another node is lost.
    MessageUndelivered {
        /// The receiver's node.
        node: Arc<str>,
        /// The receiver's id.
        actor: Arc<str>,
        /// The cause.
        reason: Arc<str>,
    },
}

impl From<ClusterEvent> for Event {
    fn from(event: ClusterEvent) -> Self {
        Event::of(event)
    }
}

impl SystemEvent for ClusterEvent {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    /// These events are no parts of calls. The oracles find a call's events by the id of its message.
    fn fold<'j>(&'j self, _: &'j Entry, _: &mut Folding<'j>) {}
}
