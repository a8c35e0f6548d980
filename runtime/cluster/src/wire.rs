//! A node as its server sees it.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{ActorRef, Delivered, Error};

/// One node, as its server sees it. Always acts locally, and never passes a call on. Spec: cluster 3.5.
///
/// A caller that drops one of these futures stops to wait, no more: an accepted message is handled to its end, and a
/// behaviour that has begun is not interrupted.
#[async_trait]
pub trait WireEndpoint: Send + Sync + 'static {
    /// Delivers an event, as JSON text, to the local actor of `to`, and waits until it is handled. No bytes, like
    /// `null`, are the zero event of the node. A message with the `message_id` of an earlier one is not handled again:
    /// the answer is that to the first.
    ///
    /// # Errors
    /// [`Error::BadPayload`] when the node's event type has no such value, [`Error::WrongNode`] when `to` names another
    /// node, [`Error::Overflow`] when the actor's mailbox is full.
    async fn deliver_wire(
        &self,
        to: &ActorRef,
        event: Bytes,
        message_id: Option<&str>,
    ) -> Result<Delivered, Error>;

    /// Spawns a local actor. `input` is a JSON object; no bytes, like `null`, are no input. When an actor of this id and
    /// behaviour already runs, this is its reference.
    ///
    /// # Errors
    /// [`Error::BadPayload`] when the input is not an object, [`Error::UnknownSource`] when there is no such behaviour,
    /// [`Error::Failed`] when it fails, [`Error::Conflict`] when an actor of this id runs from another one.
    async fn spawn_wire(&self, src: &str, id: &str, input: Option<Bytes>) -> Result<ActorRef, Error>;
}
