//! The actors of one node.
//!
//! | subject | file |
//! |---|---|
//! | deliveries and sends | here |
//! | spawns and restarts | `spawn` |
//! | stops, completions, failures | `end` |
//! | the task of an actor | `task` |
//! | inspection | `inspect` |

mod end;
mod inspect;
mod spawn;
mod task;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::timeout;

use crate::environment::Environment;
use crate::mailbox::{Mailbox, Message, Overfull, Posted};
use crate::outbox::Outbox;
use crate::registry::Registry;
use crate::signal::Signal;
use crate::{
    ActorRef, CallOptions, Delivered, Error, Escalation, EscalationHandler, Event, Palette, Transport,
};

pub use inspect::{ActorStatus, Life};

/// The longest message id, in bytes.
pub const MESSAGE_ID_MAX: usize = 256;

/// Limits of a system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) mailbox: usize,
    pub(crate) remembered: usize,
    pub(crate) ended: usize,
}

/// The actors of one node.
pub(crate) struct Local<E: Event> {
    node: String,
    palette: Palette<E>,
    limits: Limits,
    environment: Arc<dyn Environment>,
    transport: Option<Arc<dyn Transport>>,
    registry: Mutex<Registry<E>>,
    outbox: Arc<Outbox>,
    handler: Mutex<Option<Arc<dyn EscalationHandler>>>,
    last_escalation: Mutex<Option<Escalation>>,
    /// Given at the end: no step is continued.
    shutdown: Arc<Signal>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Event> Local<E> {
    pub(crate) fn new(
        node: String,
        palette: Palette<E>,
        limits: Limits,
        environment: Arc<dyn Environment>,
        transport: Option<Arc<dyn Transport>>,
    ) -> Self {
        let shutdown = Arc::new(Signal::default());
        let outbox = Outbox::new(limits.mailbox, Arc::clone(&environment), Arc::clone(&shutdown));
        Local {
            node,
            palette,
            limits,
            environment,
            transport,
            registry: Mutex::default(),
            outbox: Arc::new(outbox),
            handler: Mutex::default(),
            last_escalation: Mutex::default(),
            shutdown,
        }
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    pub(crate) fn transport(&self) -> Option<&Arc<dyn Transport>> {
        self.transport.as_ref()
    }

    pub(crate) fn owns(&self, node: &str) -> bool {
        node.is_empty() || node == self.node
    }

    fn registry(&self) -> MutexGuard<'_, Registry<E>> {
        lock(&self.registry)
    }

    /// That of an actor that runs or has ended.
    fn mailbox(&self, id: &str) -> Option<Arc<Mailbox<E>>> {
        let registry = self.registry();
        registry.slots.get(id).map(|slot| Arc::clone(&slot.mailbox))
    }

    pub(crate) fn set_handler(&self, handler: Option<Arc<dyn EscalationHandler>>) {
        let earlier = std::mem::replace(&mut *lock(&self.handler), handler);
        drop(earlier);
    }

    fn handler(&self) -> Option<Arc<dyn EscalationHandler>> {
        lock(&self.handler).clone()
    }

    pub(crate) fn named(&self, system_id: &str) -> Option<ActorRef> {
        let registry = self.registry();
        let slot = registry.slots.get(registry.named.get(system_id)?)?;
        Some(slot.spec.reference(&self.node))
    }

    /// Delivers an event and waits until it is handled.
    pub(crate) async fn deliver(
        &self,
        id: &str,
        event: E,
        options: &CallOptions,
    ) -> Result<Delivered, Error> {
        let message_id = options.message_id.as_deref();
        if message_id.is_some_and(|it| it.len() > MESSAGE_ID_MAX) {
            return Err(Error::BadPayload {
                id: id.to_owned(),
                reason: format!("the message id is longer than {MESSAGE_ID_MAX} bytes"),
            });
        }
        let Some(mailbox) = self.mailbox(id) else {
            return Ok(Delivered::NOBODY);
        };
        let answer = match mailbox.post(event, message_id) {
            Posted::Accepted(answer) => answer,
            Posted::Answered(answer) => return Ok(answer),
            Posted::Closed => return Ok(Delivered::NOBODY),
            Posted::Full => return Err(overflow(id, &mailbox)),
        };
        // Whoever waits does not keep the mailbox: its end is the end of the wait.
        drop(mailbox);
        let node = || self.node.clone();
        let answered = match options.timeout {
            Some(limit) => timeout(limit, answer)
                .await
                .map_err(|_| Error::DeadlineExceeded { node: node() })?,
            None => answer.await,
        };
        answered.map_err(|_| Error::Cancelled { node: node() })
    }

    /// Sends an event without waiting for it to be handled.
    pub(crate) fn send(&self, to: &ActorRef, event: E, sender: Option<ActorRef>) -> Result<bool, Error> {
        if self.owns(&to.node) {
            return self.send_to_id(&to.id, event, sender);
        }
        let transport = self.transport.as_ref().ok_or_else(|| Error::NoTransport {
            node: to.node.clone(),
        })?;
        self.outbox.send(transport, to, encoded(&to.id, &event)?)?;
        Ok(true)
    }

    pub(crate) fn send_to_id(&self, id: &str, event: E, sender: Option<ActorRef>) -> Result<bool, Error> {
        let Some(mailbox) = self.mailbox(id) else {
            return Ok(false);
        };
        match mailbox.send(Message::Event { event, sender }) {
            None => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(Overfull)) => Err(overflow(id, &mailbox)),
        }
    }
}

/// An event as JSON.
pub(crate) fn encoded<E: Event>(id: &str, event: &E) -> Result<bytes::Bytes, Error> {
    let json = serde_json::to_vec(event).map_err(|error| Error::BadPayload {
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(json.into())
}

fn overflow<E>(id: &str, mailbox: &Mailbox<E>) -> Error {
    Error::Overflow {
        id: id.to_owned(),
        limit: mailbox.limit(),
    }
}

impl<E: Event> Drop for Local<E> {
    /// The tasks of its actors end with a system.
    fn drop(&mut self) {
        self.shutdown.give();
    }
}
