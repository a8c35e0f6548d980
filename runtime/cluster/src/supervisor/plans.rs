//! Restarts that are planned, by the time when they are due.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::Escalation;

/// When a restart is due, and its number: plans for the same instant keep their order.
type Due = (Instant, u64);

/// The planned restarts, one for each actor at most.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: BTreeMap<Due, Escalation>,
    by_actor: BTreeMap<String, Due>,
    numbers: u64,
}

impl Plans {
    /// Plans a restart, in place of an earlier plan for the same actor.
    pub(super) fn insert(&mut self, at: Instant, escalation: Escalation) {
        let id = escalation.actor.id.clone();
        self.numbers += 1;
        let due = (at, self.numbers);
        if let Some(earlier) = self.by_actor.insert(id, due) {
            self.plans.remove(&earlier);
        }
        self.plans.insert(due, escalation);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Escalation> {
        self.plans.remove(&self.by_actor.remove(id)?)
    }

    /// The first one whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Escalation> {
        let entry = self.plans.first_entry().filter(|it| it.key().0 <= now)?;
        let escalation = entry.remove();
        self.by_actor.remove(&escalation.actor.id);
        Some(escalation)
    }

    /// When the first one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.plans.keys().next().map(|due| due.0)
    }

    pub(super) fn len(&self) -> usize {
        self.plans.len()
    }
}
