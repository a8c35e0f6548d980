//! Deliveries and spawns on other nodes.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{ActorRef, Error};

/// The options of one delivery or spawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// The time until the caller gives up. `None`: the transport's default.
    pub timeout: Option<Duration>,
    /// Identifies the message: the actor handles a message with the same id once, and repeats its first answer. `None`:
    /// repetitions are messages of their own. Spawns are idempotent by the actor's id and ignore it.
    pub message_id: Option<String>,
}

/// The answer of an actor's node to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Whether an actor of this id was running at that moment. True does not mean that it handled the message.
    pub delivered: bool,
    /// What the actor did with the message. `None` where the node does not say (the Go implementation), where nothing
    /// was delivered, and where the sender did not wait.
    pub outcome: Option<Outcome>,
}

impl Delivered {
    /// No such actor runs.
    pub const NOBODY: Delivered = Delivered {
        delivered: false,
        outcome: None,
    };

    /// A running actor was given the message, and did this.
    pub fn to_actor(outcome: impl Into<Option<Outcome>>) -> Self {
        Delivered {
            delivered: true,
            outcome: outcome.into(),
        }
    }
}

/// What an actor did with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It took the message, and possibly completed by it.
    Handled,
    /// The message is nothing to it. It is as before.
    Ignored,
    /// It refuses the message in its present state, for this reason. It is as before.
    Rejected(String),
    /// It failed by the message, for this reason, and no longer runs unless its supervisor restarts it.
    Failed(String),
}

/// Carries deliveries and spawns to other nodes. Spec: cluster 3.5.
///
/// Payloads are JSON text. Errors are of the transport or of the other node. A transport does not retry a call that may
/// have happened unless it has a message id.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Delivers an event to the actor of `to` on the node of `to`, which is not empty.
    ///
    /// # Errors
    /// [`Error::NodeUnreachable`] when the transport does not know the node; others when the node cannot be reached, or
    /// refuses. A missing actor is no error.
    async fn deliver(&self, to: &ActorRef, event: Bytes, options: &CallOptions) -> Result<Delivered, Error>;

    /// Spawns an actor on `node` from the behaviour `src`. `input` is a JSON object. Returns the reference of the
    /// actor of this id, stamped with its node; it may have run before.
    ///
    /// # Errors
    /// As of [`Transport::deliver`]; also when there is no such behaviour, or it fails.
    async fn spawn(
        &self,
        node: &str,
        src: &str,
        id: &str,
        input: Option<Bytes>,
        options: &CallOptions,
    ) -> Result<ActorRef, Error>;
}
