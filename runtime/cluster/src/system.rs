//! A node: its own actors, and a way to those of other nodes.

use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;

use crate::builder::Builder;
use crate::local::{ActorStatus, Local, encoded};
use crate::{
    ActorRef, CallOptions, Cause, Delivered, Error, Escalation, EscalationHandler, Event, Input, Respawner,
    SpawnSpec,
};

/// A node: its own actors, and a way to those of other nodes. Spec: cluster 3.2.
///
/// A cheap handle. When the last one is dropped, the tasks of its actors end. An actor that holds one therefore keeps
/// its system until [`System::shut_down`]; it has its [`Context`](crate::Context), and must not wait for itself by
/// [`System::deliver`].
///
/// A node of the name "" is the holder's own, wherever a node is named.
pub struct System<E: Event>(pub(crate) Arc<Local<E>>);

impl<E: Event> System<E> {
    /// A node of this name, which is unique in the cluster. Tasks, time and randomness are those of `platform`.
    pub fn builder<P: squall_platform::Platform>(platform: P, node: impl Into<String>) -> Builder<E> {
        Builder::new(Arc::new(platform), node.into())
    }

    /// The name of the node.
    pub fn node(&self) -> &str {
        self.0.node()
    }

    /// Whether the actor of this reference is on this node: its node is empty, or has this name.
    pub fn owns(&self, reference: &ActorRef) -> bool {
        self.0.owns(&reference.node)
    }

    /// Delivers an event to an actor on any node, and waits until it is handled.
    ///
    /// # Errors
    /// [`Error::NoTransport`] when the actor is on another node and there is no transport, [`Error::BadPayload`] when the
    /// event cannot be encoded for another node, [`Error::Overflow`] when the mailbox is full; otherwise those of the
    /// transport.
    pub async fn deliver(&self, to: &ActorRef, event: E) -> Result<Delivered, Error> {
        self.deliver_with(to, event, &CallOptions::default()).await
    }

    /// As [`System::deliver`], with options.
    ///
    /// # Errors
    /// As of [`System::deliver`]; [`Error::DeadlineExceeded`] when the actor has not handled the event in time: it will.
    pub async fn deliver_with(
        &self,
        to: &ActorRef,
        event: E,
        options: &CallOptions,
    ) -> Result<Delivered, Error> {
        if self.owns(to) {
            return self.0.deliver(&to.id, event, options).await;
        }
        let transport = self.0.transport().ok_or_else(|| Error::NoTransport {
            node: to.node.clone(),
        })?;
        transport.deliver(to, encoded(&to.id, &event)?, options).await
    }

    /// Delivers an event to an actor of this node, and waits until it is handled.
    ///
    /// # Errors
    /// [`Error::Overflow`] when the mailbox is full.
    pub async fn deliver_by_id(&self, id: &str, event: E) -> Result<Delivered, Error> {
        self.0.deliver(id, event, &CallOptions::default()).await
    }

    /// Spawns an actor on any node, and returns its reference, stamped with the node. When an actor of this id and
    /// behaviour runs there, it is that one.
    ///
    /// # Errors
    /// As of [`System::spawn_local`], and [`Error::NoTransport`] and those of the transport when it is another node.
    pub async fn spawn(
        &self,
        node: &str,
        src: &str,
        id: &str,
        input: Option<Input>,
    ) -> Result<ActorRef, Error> {
        self.spawn_with(node, src, id, input, &CallOptions::default())
            .await
    }

    /// As [`System::spawn`], with options, which are those of the transport: behaviours of this node do not wait.
    ///
    /// # Errors
    /// As of [`System::spawn`].
    pub async fn spawn_with(
        &self,
        node: &str,
        src: &str,
        id: &str,
        input: Option<Input>,
        options: &CallOptions,
    ) -> Result<ActorRef, Error> {
        if self.0.owns(node) {
            return self.spawn_local(src, id, input).await;
        }
        let transport = self.0.transport().ok_or_else(|| Error::NoTransport {
            node: node.to_owned(),
        })?;
        let input = input.map(|input| encoded_input(id, &input)).transpose()?;
        transport.spawn(node, src, id, input, options).await
    }

    /// Spawns an actor on this node. When an actor of this id and behaviour runs, it is that one, whatever its input was;
    /// one that has ended is created anew. Concurrent spawns of one id share one run of the behaviour.
    ///
    /// # Errors
    /// [`Error::UnknownSource`] when there is no such behaviour, [`Error::Failed`] when it returns an error or panics: no
    /// supervisor hears of that. [`Error::Conflict`] when an actor of this id runs from another behaviour.
    pub async fn spawn_local(&self, src: &str, id: &str, input: Option<Input>) -> Result<ActorRef, Error> {
        let mut spec = SpawnSpec::new(src, id);
        spec.input = input;
        self.spawn_spec(spec).await
    }

    /// As [`System::spawn_local`], with everything that can be said of an actor.
    ///
    /// # Errors
    /// As of [`System::spawn_local`].
    pub async fn spawn_spec(&self, spec: SpawnSpec) -> Result<ActorRef, Error> {
        self.0.spawn(spec).await
    }

    /// Stops an actor of this node with its children, and spawns it anew. From the same behaviour it keeps its parent, its
    /// well-known name and its routes, and also its input where none is given. An id that does not exist is spawned.
    ///
    /// # Errors
    /// As of [`System::spawn_local`]. The actor is stopped nevertheless.
    pub async fn respawn(&self, src: &str, id: &str, input: Option<Input>) -> Result<ActorRef, Error> {
        let mut spec = match self.0.spec(id) {
            Some(spec) if spec.src == src => (*spec).clone(),
            _ => SpawnSpec::new(src, id),
        };
        spec.input = input.or(spec.input);
        self.0.stop(id);
        self.0.spawn(spec).await
    }

    /// Stops an actor of this node with its children. False: it was not there, or is on another node. A message that
    /// it is handling is handled to its end; those behind it are answered with [`Delivered::NOBODY`]. An actor that is
    /// spawned under its id waits for that end with its first message.
    pub fn stop(&self, reference: &ActorRef) -> bool {
        self.owns(reference) && self.0.stop(&reference.id)
    }

    /// The number of running actors of this node.
    pub fn running(&self) -> usize {
        self.0.running()
    }

    /// The reference of an actor of this node, also of one that has ended.
    pub fn reference(&self, id: &str) -> Option<ActorRef> {
        self.0.status(id).map(|status| status.reference)
    }

    /// The actor of this node that has this well-known name.
    pub fn named(&self, system_id: &str) -> Option<ActorRef> {
        self.0.named(system_id)
    }

    /// An actor of this node, as it is now. Ended ones are remembered up to a [limit](Builder::ended_limit).
    pub fn status(&self, id: &str) -> Option<ActorStatus> {
        self.0.status(id)
    }

    /// All actors of this node, running and ended, by id.
    pub fn actors(&self) -> Vec<ActorStatus> {
        self.0.ids().iter().filter_map(|id| self.0.status(id)).collect()
    }

    /// Makes a running actor of this node fail, as if its last step had. False: it does not run.
    pub async fn settle_error(&self, id: &str, cause: impl Into<Cause>) -> bool {
        self.0.settle_error(id, cause.into()).await
    }

    /// The last failure that no parent asked to hear of.
    pub fn last_escalation(&self) -> Option<Escalation> {
        self.0.last_escalation()
    }

    /// Hands escalations to `handler` from now on.
    pub fn set_escalations(&self, handler: Option<Arc<dyn EscalationHandler>>) {
        self.0.set_handler(handler);
    }

    /// Stops all actors for good. Messages in hand are abandoned at their next await point, and their senders get
    /// [`Error::Cancelled`], as does every later spawn.
    pub fn shut_down(&self) {
        self.0.shut_down();
    }

    /// A handle that does not keep the system: for transports, supervisors and servers that the system itself holds.
    pub fn downgrade(&self) -> WeakSystem<E> {
        WeakSystem(Arc::downgrade(&self.0))
    }
}

fn encoded_input(id: &str, input: &Input) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(input).map_err(|error| Error::BadPayload {
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(json.into())
}

impl<E: Event> Clone for System<E> {
    fn clone(&self) -> Self {
        System(Arc::clone(&self.0))
    }
}

impl<E: Event> Debug for System<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("System");
        it.field("node", &self.node())
            .field("running", &self.running())
            .finish()
    }
}

/// A [`System`], if it still exists.
pub struct WeakSystem<E: Event>(pub(crate) Weak<Local<E>>);

impl<E: Event> WeakSystem<E> {
    /// The system, unless its last handle was dropped.
    pub fn upgrade(&self) -> Option<System<E>> {
        self.0.upgrade().map(System)
    }
}

impl<E: Event> Clone for WeakSystem<E> {
    fn clone(&self) -> Self {
        WeakSystem(Weak::clone(&self.0))
    }
}

impl<E: Event> Debug for WeakSystem<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakSystem").field(&self.upgrade()).finish()
    }
}

#[async_trait]
impl<E: Event> Respawner for WeakSystem<E> {
    async fn restart(&self, spec: &SpawnSpec, incarnation: u64) -> Result<bool, Error> {
        match self.0.upgrade() {
            Some(local) => local.restart(spec, incarnation),
            None => Ok(false),
        }
    }

    fn abandon(&self, id: &str, incarnation: u64) {
        if let Some(local) = self.0.upgrade() {
            local.abandon(id, incarnation);
        }
    }
}
