//! The actors of a node, by id. One lock, held for lookups and changes only: no user code runs under it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use crate::mailbox::{Mailbox, Shut};
use crate::signal::Signal;
use crate::{ActorRef, Cause, Error, SpawnSpec};

/// The actors of a node.
pub(crate) struct Registry<E> {
    pub(crate) slots: BTreeMap<String, Slot<E>>,
    /// Ids by well-known names.
    pub(crate) named: BTreeMap<String, String>,
    /// Ended incarnations, oldest first.
    ended: VecDeque<(String, u64)>,
    incarnations: u64,
}

/// One id.
pub(crate) struct Slot<E> {
    pub(crate) spec: Arc<SpawnSpec>,
    pub(crate) incarnation: u64,
    pub(crate) phase: Phase,
    pub(crate) mailbox: Arc<Mailbox<E>>,
    pub(crate) children: BTreeSet<String>,
    /// Given when the task of the last incarnation has ended: no two incarnations run at once.
    pub(crate) task_ended: Arc<Signal>,
}

/// ```text
/// Starting -> Running -> Done | Failed -> Starting ...
///     |          |             |
///     '----------+-------------'-> Stopped, until the task has ended
/// ```
pub(crate) enum Phase {
    /// The behaviour is running. These wait for it.
    Starting(Vec<oneshot::Sender<Result<ActorRef, Error>>>),
    Running,
    Done(Value),
    /// `is_awaited`: a restart is planned.
    Failed {
        cause: Cause,
        is_awaited: bool,
    },
    /// It is no longer there for anybody, but its task still handles a message.
    Stopped,
}

impl<E> Default for Registry<E> {
    fn default() -> Self {
        Registry {
            slots: BTreeMap::new(),
            named: BTreeMap::new(),
            ended: VecDeque::new(),
            incarnations: 0,
        }
    }
}

impl<E> Slot<E> {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }
}

impl<E> Registry<E> {
    pub(crate) fn next_incarnation(&mut self) -> u64 {
        self.incarnations += 1;
        self.incarnations
    }

    /// The slot of this incarnation, unless a later one or none has taken its place.
    pub(crate) fn slot_of(&mut self, id: &str, incarnation: u64) -> Option<&mut Slot<E>> {
        self.slots
            .get_mut(id)
            .filter(|slot| slot.incarnation == incarnation)
    }

    /// Whether the parent of an actor runs, if it has one.
    pub(crate) fn has_parent(&self, spec: &SpawnSpec) -> bool {
        let runs = |parent: &String| self.slots.get(parent).is_some_and(Slot::is_running);
        spec.parent.as_ref().is_none_or(runs)
    }

    /// An actor runs: its parent and its name know it.
    pub(crate) fn attach(&mut self, spec: &SpawnSpec) {
        if let Some(parent) = spec.parent.as_ref().and_then(|id| self.slots.get_mut(id)) {
            parent.children.insert(spec.id.clone());
        }
        if !spec.system_id.is_empty() {
            self.named.insert(spec.system_id.clone(), spec.id.clone());
        }
    }

    /// Removes an id from its parent and its name.
    pub(crate) fn detach(&mut self, spec: &SpawnSpec) {
        if let Some(parent) = spec.parent.as_ref().and_then(|id| self.slots.get_mut(id)) {
            parent.children.remove(&spec.id);
        }
        if self.named.get(&spec.system_id) == Some(&spec.id) {
            self.named.remove(&spec.system_id);
        }
    }

    /// Takes away `id` and everything below it, parents first. Returns what was there.
    pub(crate) fn stop_tree(&mut self, id: &str) -> Vec<Gone<E>> {
        let mut gone = Vec::new();
        let mut left = vec![id.to_owned()];
        while let Some(id) = left.pop() {
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            left.extend(std::mem::take(&mut slot.children).into_iter().rev());
            let spec = Arc::clone(&slot.spec);
            let it = Gone {
                shut: slot.mailbox.shut(),
                phase: std::mem::replace(&mut slot.phase, Phase::Stopped),
                incarnation: slot.incarnation,
                spec: Arc::clone(&spec),
            };
            // An id that is stopped twice before its task ends was gone the first time.
            let was_there = !matches!(it.phase, Phase::Stopped);
            let is_starting = matches!(it.phase, Phase::Starting(_));
            if slot.task_ended.is_given() && !is_starting {
                self.slots.remove(&id);
            }
            if was_there {
                self.detach(&spec);
                gone.push(it);
            }
        }
        gone
    }

    /// Takes away everything below `id`.
    pub(crate) fn stop_children(&mut self, id: &str) -> Vec<Gone<E>> {
        let children = self
            .slots
            .get_mut(id)
            .map(|slot| std::mem::take(&mut slot.children));
        let mut gone = Vec::new();
        for child in children.unwrap_or_default() {
            gone.extend(self.stop_tree(&child));
        }
        gone
    }

    /// Remembers that an incarnation has ended, and forgets the oldest ones beyond `limit` unless a restart is planned.
    pub(crate) fn bury(&mut self, id: &str, incarnation: u64, limit: usize) -> Vec<Slot<E>> {
        self.ended.push_back((id.to_owned(), incarnation));
        let mut forgotten = Vec::new();
        for _ in limit..self.ended.len() {
            let Some((id, incarnation)) = self.ended.pop_front() else {
                break;
            };
            match self.slots.get(&id) {
                Some(slot) if slot.incarnation == incarnation => match slot.phase {
                    Phase::Done(_)
                    | Phase::Failed {
                        is_awaited: false, ..
                    } => {
                        let slot = self.slots.remove(&id).expect("it was just found");
                        self.detach(&slot.spec);
                        forgotten.push(slot);
                    }
                    Phase::Failed { .. } => self.ended.push_back((id, incarnation)),
                    _ => {}
                },
                _ => {}
            }
        }
        forgotten
    }

    /// The number of running actors.
    pub(crate) fn running(&self) -> usize {
        self.slots.values().filter(|slot| slot.is_running()).count()
    }
}

/// An actor that was taken away.
pub(crate) struct Gone<E> {
    pub(crate) spec: Arc<SpawnSpec>,
    pub(crate) incarnation: u64,
    pub(crate) phase: Phase,
    pub(crate) shut: Shut<E>,
}
