//! What actors send to other nodes: in order for each receiver, without the sender waiting.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::environment::Environment;
use crate::local::lock;
use crate::signal::Signal;
use crate::unwind::guarded;
use crate::{ActorRef, CallOptions, Error, Transport, events};

/// Node and id.
type Receiver = (String, String);

/// The messages on their way, by receiver. A receiver with messages has a task.
pub(crate) struct Outbox {
    queues: Mutex<BTreeMap<Receiver, VecDeque<Letter>>>,
    /// Of each receiver.
    limit: usize,
    environment: Arc<dyn Environment>,
    shutdown: Arc<Signal>,
}

struct Letter {
    to: ActorRef,
    event: Bytes,
}

impl Outbox {
    pub(crate) fn new(limit: usize, environment: Arc<dyn Environment>, shutdown: Arc<Signal>) -> Self {
        Outbox {
            queues: Mutex::default(),
            limit,
            environment,
            shutdown,
        }
    }

    pub(crate) fn send(
        self: &Arc<Self>,
        transport: &Arc<dyn Transport>,
        to: &ActorRef,
        event: Bytes,
    ) -> Result<(), Error> {
        let receiver = (to.node.clone(), to.id.clone());
        let is_first = {
            let mut queues = lock(&self.queues);
            let is_first = !queues.contains_key(&receiver);
            let queue = queues.entry(receiver.clone()).or_default();
            if queue.len() >= self.limit {
                return Err(Error::Overflow {
                    id: to.id.clone(),
                    limit: self.limit,
                });
            }
            queue.push_back(Letter {
                to: to.clone(),
                event,
            });
            is_first
        };
        if is_first {
            let (outbox, transport) = (Arc::clone(self), Arc::clone(transport));
            self.environment.spawn(Box::pin(async move {
                let shutdown = Arc::clone(&outbox.shutdown);
                tokio::select! {
                    biased;
                    () = shutdown.given() => {}
                    () = outbox.deliver(&*transport, receiver) => {}
                }
            }));
        }
        Ok(())
    }

    async fn deliver(&self, transport: &dyn Transport, receiver: Receiver) {
        while let Some(letter) = self.next(&receiver) {
            // With an id, a transport may try again what may have arrived.
            let id = [self.environment.random_u64(), self.environment.random_u64()];
            let options = CallOptions {
                message_id: Some(format!("{:016x}{:016x}", id[0], id[1])),
                ..CallOptions::default()
            };
            match guarded(transport.deliver(&letter.to, letter.event, &options)).await {
                Ok(Ok(answer)) if answer.delivered => {}
                Ok(Ok(_)) => events::undelivered(&letter.to, "no such actor runs"),
                Ok(Err(error)) => events::undelivered(&letter.to, &error.to_string()),
                Err(panic) => events::undelivered(&letter.to, &panic.to_string()),
            }
        }
    }

    /// The next message to a receiver. Without one, the receiver is forgotten.
    fn next(&self, receiver: &Receiver) -> Option<Letter> {
        let mut queues = lock(&self.queues);
        let letter = queues.get_mut(receiver).and_then(VecDeque::pop_front);
        if letter.is_none() {
            queues.remove(receiver);
        }
        letter
    }
}
