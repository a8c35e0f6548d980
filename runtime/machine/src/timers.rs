//! Timers as data: steps arm and cancel them, their owner knows the time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::FireError;
use crate::event::{Context, Event};
use crate::instance::{Fired, Instance};

/// An instant of a wall clock, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// So many nanoseconds later; the last instant there is, where that would be beyond it.
    #[must_use]
    pub fn after(self, nanoseconds: i64) -> Self {
        Timestamp(self.0.saturating_add(nanoseconds))
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        let nanoseconds = |it: std::time::Duration| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX);
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp(nanoseconds(since)),
            Err(before) => Timestamp(-nanoseconds(before.duration())),
        }
    }
}

/// What a step does to the timers of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerChange<E> {
    /// Arms one; one of the same id that is armed already begins anew.
    Schedule {
        /// Its id: `machine:state:after:index`.
        id: String,
        /// Nanoseconds from now.
        delay: i64,
        /// The event that it fires.
        event: E,
    },
    /// Cancels one, if it is armed.
    Cancel {
        /// Its id.
        id: String,
    },
}

/// The armed timers of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers<E> {
    armed: BTreeMap<String, (Timestamp, E)>,
}

impl<E> Default for Timers<E> {
    fn default() -> Self {
        Timers {
            armed: BTreeMap::new(),
        }
    }
}

/// What a tick did.
#[derive(Debug)]
pub struct Ticked<E> {
    /// The steps of the timers that were due, in the order of their deadlines, equal ones in the order of their ids.
    pub steps: Vec<Result<Fired<E>, FireError>>,
}

impl<E: Event> Timers<E> {
    /// None is armed.
    pub fn new() -> Self {
        Timers::default()
    }

    /// Does what a step that ended at `now` says.
    pub fn apply(&mut self, changes: &[TimerChange<E>], now: Timestamp) {
        for change in changes {
            match change {
                TimerChange::Schedule { id, delay, event } => {
                    self.arm(id.clone(), now.after(*delay), event.clone());
                }
                TimerChange::Cancel { id } => drop(self.armed.remove(id)),
            }
        }
    }

    /// Arms one with its deadline, as [`Timers::armed`] gave it.
    pub fn arm(&mut self, id: String, due: Timestamp, event: E) {
        self.armed.insert(id, (due, event));
    }

    /// The next deadline.
    pub fn next(&self) -> Option<Timestamp> {
        self.armed.values().map(|(due, _)| *due).min()
    }

    /// All armed timers by id, each with its deadline and its event.
    pub fn armed(&self) -> impl Iterator<Item = (&str, Timestamp, &E)> {
        self.armed
            .iter()
            .map(|(id, (due, event))| (id.as_str(), *due, event))
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Fires the events of all timers that are due at `now`, unless a step before cancelled them. A timer that such a
    /// step arms waits for the next tick, even if it has no delay: so a tick always ends. A timer whose step fails is
    /// spent.
    pub fn tick<C: Context>(&mut self, instance: &mut Instance<C, E>, now: Timestamp) -> Ticked<E> {
        let due = self.armed.iter().filter(|(_, (due, _))| *due <= now);
        let mut due: Vec<_> = due.map(|(id, (at, _))| (*at, id.clone())).collect();
        due.sort();
        let mut armed_now = std::collections::BTreeSet::new();
        let mut steps = Vec::new();
        for (at, id) in due {
            let is_still_armed = self.armed.get(&id).is_some_and(|(due, _)| *due == at);
            if !is_still_armed || armed_now.contains(&id) {
                continue;
            }
            let Some((_, event)) = self.armed.remove(&id) else {
                continue;
            };
            let step = instance.fire(&event);
            if let Ok(fired) = &step {
                self.apply(&fired.timers, now);
                armed_now.extend(fired.timers.iter().filter_map(|change| match change {
                    TimerChange::Schedule { id, .. } => Some(id.clone()),
                    TimerChange::Cancel { .. } => None,
                }));
            }
            steps.push(step);
        }
        Ticked { steps }
    }
}
