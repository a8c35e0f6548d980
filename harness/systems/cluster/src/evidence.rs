//! What actors have handled, folded from the journal.

use std::sync::Arc;

use indexmap::IndexMap;
use squall_core::calls::Moment;
use squall_core::journal::Event;
use squall_core::oracle::{Evidence, Run};

use crate::journal::ClusterEvent;

/// The events that actors have handled.
#[derive(Debug, Default)]
pub struct Actors {
    /// In journal order.
    pub handled: Vec<Handled>,
    /// Indices, by the id of the message. Those without one are left out.
    by_message: IndexMap<Arc<str>, Vec<usize>>,
}

/// An event that an actor has handled.
#[derive(Debug, Clone)]
pub struct Handled {
    /// When it was done.
    pub moment: Moment,
    /// The actor's node.
    pub node: Arc<str>,
    /// Which process of the node: 0 is the first.
    pub process: u32,
    /// The actor's id.
    pub actor: Arc<str>,
    /// The actor's life in this process.
    pub incarnation: u64,
    /// The id of the message; empty without one.
    pub message: Arc<str>,
    /// Its place in this life: 1, 2, ...
    pub number: u64,
    /// `handled`, `ignored`, `rejected`, `completed` or `failed`.
    pub outcome: Arc<str>,
}

impl Actors {
    /// What was done with a message, in every process.
    pub fn of_message(&self, id: &str) -> impl Iterator<Item = &Handled> {
        let indices = self.by_message.get(id).into_iter().flatten();
        indices.map(|index| &self.handled[*index])
    }
}

impl Evidence for Actors {
    fn of(run: &Run<'_>) -> Self {
        let mut actors = Actors::default();
        let mut processes: IndexMap<&str, u32> = IndexMap::new();
        for entry in &run.journal.entries {
            if let Event::HostStarted { incarnation } = &entry.event {
                processes.insert(&entry.host, *incarnation);
            }
            let Some(ClusterEvent::ActorHandled {
                actor,
                incarnation,
                message,
                number,
                outcome,
            }) = entry.event.get()
            else {
                continue;
            };
            if !message.is_empty() {
                let indices = actors.by_message.entry(message.clone()).or_default();
                indices.push(actors.handled.len());
            }
            actors.handled.push(Handled {
                moment: Moment::of(entry),
                node: entry.host.clone(),
                process: processes.get(&*entry.host).copied().unwrap_or_default(),
                actor: actor.clone(),
                incarnation: *incarnation,
                message: message.clone(),
                number: *number,
                outcome: outcome.clone(),
            });
        }
        actors
    }
}
