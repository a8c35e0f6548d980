//! A node as its server sees it.

use async_trait::async_trait;
use bytes::Bytes;

use serde::de::DeserializeOwned;

use crate::unwind::caught;
use crate::{ActorRef, CallOptions, Delivered, Error, Event, Input, System, WeakSystem};

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

#[async_trait]
impl<E: Event> WireEndpoint for System<E> {
    async fn deliver_wire(
        &self,
        to: &ActorRef,
        event: Bytes,
        message_id: Option<&str>,
    ) -> Result<Delivered, Error> {
        if !self.owns(to) {
            return Err(Error::WrongNode {
                id: to.id.clone(),
                wanted: to.node.clone(),
                node: self.node().to_owned(),
            });
        }
        let event = decoded::<E>(&to.id, &event)?.unwrap_or_default();
        let options = CallOptions {
            timeout: None,
            message_id: message_id.map(str::to_owned),
        };
        self.0.deliver(&to.id, event, &options).await
    }

    async fn spawn_wire(&self, src: &str, id: &str, input: Option<Bytes>) -> Result<ActorRef, Error> {
        let input = decoded::<Input>(id, &input.unwrap_or_default())?;
        self.spawn_local(src, id, input).await
    }
}

#[async_trait]
impl<E: Event> WireEndpoint for WeakSystem<E> {
    async fn deliver_wire(
        &self,
        to: &ActorRef,
        event: Bytes,
        message_id: Option<&str>,
    ) -> Result<Delivered, Error> {
        let system = self.upgrade().ok_or_else(|| gone(&to.node))?;
        system.deliver_wire(to, event, message_id).await
    }

    async fn spawn_wire(&self, src: &str, id: &str, input: Option<Bytes>) -> Result<ActorRef, Error> {
        let system = self.upgrade().ok_or_else(|| gone(""))?;
        system.spawn_wire(src, id, input).await
    }
}

fn gone(node: &str) -> Error {
    Error::Unavailable {
        node: node.to_owned(),
        reason: "its system has ended".to_owned(),
        may_have_happened: false,
    }
}

/// A payload. No bytes, like `null`, are none.
fn decoded<T: DeserializeOwned>(id: &str, json: &Bytes) -> Result<Option<T>, Error> {
    if json.is_empty() {
        return Ok(None);
    }
    let bad = |reason: String| Error::BadPayload {
        id: id.to_owned(),
        reason,
    };
    match caught(|| serde_json::from_slice(json)) {
        Ok(decoded) => decoded.map_err(|error| bad(error.to_string())),
        Err(panic) => Err(bad(panic.to_string())),
    }
}
