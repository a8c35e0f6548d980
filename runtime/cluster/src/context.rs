//! What an actor can do while it handles a message.

use std::sync::Arc;

use crate::local::Local;
use crate::{ActorRef, Error, Event, SpawnSpec};

/// What an actor can do while it handles a message.
///
/// Sending never waits for the receiver to handle the message, so actors may send to each other in circles. Sends to
/// one receiver arrive in their order. They return whether an actor runs that gets the message; for another node, true
/// means that it will be tried.
pub struct Context<'a, E: Event> {
    local: &'a Arc<Local<E>>,
    me: &'a SpawnSpec,
    sender: Option<&'a ActorRef>,
    is_stopping: bool,
}

impl<'a, E: Event> Context<'a, E> {
    pub(crate) fn new(local: &'a Arc<Local<E>>, me: &'a SpawnSpec, sender: Option<&'a ActorRef>) -> Self {
        Context {
            local,
            me,
            sender,
            is_stopping: false,
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// The actor's own id.
    pub fn id(&self) -> &str {
        &self.me.id
    }

    /// A reference to the actor itself.
    pub fn reference(&self) -> ActorRef {
        self.me.reference(self.local.node())
    }

    /// The id of the actor that spawned this one.
    pub fn parent(&self) -> Option<&str> {
        self.me.parent.as_deref()
    }

    /// The actor that has sent the message: an actor of this node. Callers of a system, and actors of other nodes, are
    /// no senders, because a delivery does not carry them.
    pub fn sender(&self) -> Option<&ActorRef> {
        self.sender
    }

    /// The actor of this node that has this well-known name.
    pub fn named(&self, system_id: &str) -> Option<ActorRef> {
        self.local.named(system_id)
    }

    /// Spawns a child, which is stopped with this actor.
    ///
    /// # Errors
    /// As of [`System::spawn_local`](crate::System::spawn_local).
    pub async fn spawn(&mut self, mut child: SpawnSpec) -> Result<ActorRef, Error> {
        child.parent = Some(self.me.id.clone());
        self.local.spawn(child).await
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`Error::Overflow`] when the mailbox, or what waits for the other node, is full; [`Error::NoTransport`] when the
    /// actor is on another node and the system has no transport; [`Error::BadPayload`] when the event cannot be encoded.
    pub fn send(&mut self, to: &ActorRef, event: E) -> Result<bool, Error> {
        let me = self.reference();
        self.local.send(to, event, Some(me))
    }

    /// Sends an event to an actor of this node.
    ///
    /// # Errors
    /// [`Error::Overflow`] when its mailbox is full.
    pub fn send_to_id(&mut self, id: &str, event: E) -> Result<bool, Error> {
        let me = self.reference();
        self.local.send_to_id(id, event, Some(me))
    }

    /// Sends an event to the actor that spawned this one. False when there is none.
    ///
    /// # Errors
    /// [`Error::Overflow`] when its mailbox is full.
    pub fn send_to_parent(&mut self, event: E) -> Result<bool, Error> {
        match &self.me.parent {
            Some(parent) => self.send_to_id(parent, event),
            None => Ok(false),
        }
    }

    /// Sends an event to the sender of the message. False when there is none.
    ///
    /// # Errors
    /// [`Error::Overflow`] when its mailbox is full.
    pub fn respond(&mut self, event: E) -> Result<bool, Error> {
        match self.sender {
            Some(sender) => self.send_to_id(&sender.id, event),
            None => Ok(false),
        }
    }

    /// Passes an event on, so that the receiver sees the sender of this message as its own.
    ///
    /// # Errors
    /// As of [`Context::send`].
    pub fn forward(&mut self, to: &ActorRef, event: E) -> Result<bool, Error> {
        self.local.send(to, event, self.sender.cloned())
    }

    /// Stops an actor of this node, with its children. False when there was none. A message that it is handling is
    /// handled to its end.
    pub fn stop(&mut self, id: &str) -> bool {
        if id == self.me.id {
            self.stop_self();
            return true;
        }
        self.local.stop(id)
    }

    /// Stops this actor once this message is handled.
    pub fn stop_self(&mut self) {
        self.is_stopping = true;
    }
}
