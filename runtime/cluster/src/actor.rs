//! What an actor is, and what it says of each message.

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{ActorRef, Context};

/// An error of a behaviour or of an actor.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why an actor has failed: its own error, or [`Panicked`](crate::Panicked).
pub type Cause = Arc<dyn Error + Send + Sync>;

/// The input of a spawn: a JSON object.
pub type Input = Map<String, Value>;

/// The events of a system: one concrete type, the same for all of its actors. Spec: cluster 3.1.
///
/// Events of other nodes arrive as JSON. The default is the zero event: what a node sends that has none.
pub trait Event: Serialize + DeserializeOwned + Default + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Default + Send + 'static> Event for T {}

/// An actor: state that handles one event at a time, in the order of their arrival.
///
/// An error or a panic of a method is a failure: the actor's children are stopped, its parent or supervisor is told,
/// and this value is dropped. A message that was taken is handled to its end even when its sender no longer waits.
#[async_trait]
pub trait Actor<E: Event>: Send + 'static {
    /// Runs before the first event.
    ///
    /// # Errors
    /// The actor fails.
    async fn started(&mut self, context: &mut Context<'_, E>) -> Result<(), BoxError> {
        let _ = context;
        Ok(())
    }

    /// Handles an event.
    ///
    /// # Errors
    /// The actor fails. An event that merely does not fit is [`Next::Ignored`] or [`Next::Rejected`].
    async fn handle(&mut self, event: E, context: &mut Context<'_, E>) -> Result<Next, BoxError>;

    /// A child has ended that was spawned with a route for that.
    ///
    /// # Errors
    /// The actor fails.
    async fn child_ended(&mut self, child: ChildEnd, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        let _ = (child, context);
        Ok(Next::Ignored)
    }

    /// When the actor is to be woken if no message comes before: its next timer. Asked after each message. An actor that was
    /// woken is not woken again within a millisecond, so that time goes on.
    fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// The time of [`Actor::wake_at`] has come.
    ///
    /// # Errors
    /// The actor fails.
    async fn woken(&mut self, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        let _ = context;
        Ok(Next::Ignored)
    }

    /// The state as JSON, for a migration. `None`: the actor has none, and is created anew from its input. `now` is the
    /// node's wall clock, for deadlines.
    ///
    /// # Errors
    /// When the state cannot be encoded: the migration is refused.
    fn snapshot(&self, now: SystemTime) -> Result<Option<Value>, BoxError> {
        let _ = now;
        Ok(None)
    }

    /// Takes over the state of a [snapshot](Actor::snapshot), in place of [`Actor::started`].
    ///
    /// # Errors
    /// When it is not a state of this actor.
    fn restore(&mut self, snapshot: Value, now: SystemTime) -> Result<(), BoxError> {
        let _ = (snapshot, now);
        Err("this actor has no state to restore".into())
    }
}

/// What an actor did with a message, and whether it goes on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Next {
    /// It took the message and waits for the next one.
    Handled,
    /// The message is nothing to it.
    Ignored,
    /// It refuses the message in its present state, for this reason. It lives on.
    Rejected(String),
    /// It has completed with this output. Its children are stopped.
    Done(Value),
}

/// The end of a child, as its parent hears of it.
#[derive(Debug, Clone)]
pub struct ChildEnd {
    /// The child.
    pub child: ActorRef,
    /// The name that the parent gave to this end: `on_done` or `on_error` of [`SpawnSpec`](crate::SpawnSpec).
    pub route: String,
    /// Its output, or why it failed.
    pub result: Result<Value, Cause>,
}
