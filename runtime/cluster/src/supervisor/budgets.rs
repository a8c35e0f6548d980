//! How many restarts are left to each actor.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The actors whose restarts are counted. Beyond this the one that failed longest ago starts afresh.
const ACTORS_MAX: usize = 65_536;

/// The restarts of each actor: of all time, or of the last `window`.
#[derive(Debug)]
pub(super) struct Budgets {
    window: Option<Duration>,
    spent: BTreeMap<String, Spent>,
    /// Ids by their last restart, oldest first.
    order: BTreeMap<u64, String>,
    restarts: u64,
}

#[derive(Debug, Default)]
struct Spent {
    /// Without a window.
    count: u32,
    /// With a window: the restarts within it.
    times: VecDeque<Instant>,
    order: u64,
}

impl Budgets {
    pub(super) fn new(window: Option<Duration>) -> Self {
        Budgets {
            window,
            spent: BTreeMap::new(),
            order: BTreeMap::new(),
            restarts: 0,
        }
    }

    /// Spends a restart, if fewer than `max` were spent. Returns how many.
    pub(super) fn spend(&mut self, id: &str, max: u32, now: Instant) -> Option<u32> {
        let spent = self.spent(id, now);
        if spent >= max {
            return None;
        }
        self.restarts += 1;
        let entry = self.spent.entry(id.to_owned()).or_default();
        self.order.remove(&entry.order);
        entry.order = self.restarts;
        match self.window {
            Some(_) => entry.times.push_back(now),
            None => entry.count += 1,
        }
        self.order.insert(self.restarts, id.to_owned());
        if self.order.len() > ACTORS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.spent.remove(&oldest);
        }
        Some(spent)
    }

    /// The restarts that count against the budget.
    fn spent(&mut self, id: &str, now: Instant) -> u32 {
        let Some(entry) = self.spent.get_mut(id) else {
            return 0;
        };
        let Some(window) = self.window else {
            return entry.count;
        };
        while entry
            .times
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= window)
        {
            entry.times.pop_front();
        }
        u32::try_from(entry.times.len()).unwrap_or(u32::MAX)
    }

    /// Gives back the last restart, which did not take place.
    pub(super) fn refund(&mut self, id: &str) {
        if let Some(entry) = self.spent.get_mut(id) {
            entry.times.pop_back();
            entry.count = entry.count.saturating_sub(1);
        }
    }

    pub(super) fn forget(&mut self, id: &str) {
        if let Some(entry) = self.spent.remove(id) {
            self.order.remove(&entry.order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beyond_the_limit_the_actor_whose_restart_is_the_longest_ago_starts_afresh() {
        let now = Instant::now();
        let mut budgets = Budgets::new(None);
        for number in 0..ACTORS_MAX {
            assert_eq!(budgets.spend(&number.to_string(), 2, now), Some(0));
        }
        assert_eq!(budgets.spend("0", 2, now), Some(1));
        assert_eq!(budgets.spend("one more", 2, now), Some(0));
        // Not 0, which has failed again meanwhile.
        assert_eq!(budgets.spend("0", 2, now), None);
        assert_eq!(budgets.spend("1", 2, now), Some(0));
        assert_eq!(budgets.spent.len(), ACTORS_MAX);
        assert_eq!(budgets.order.len(), ACTORS_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refund_and_forgetting_give_restarts_back() {
        let now = Instant::now();
        for window in [None, Some(Duration::from_secs(1))] {
            let mut budgets = Budgets::new(window);
            assert_eq!(budgets.spend("w", 1, now), Some(0));
            assert_eq!(budgets.spend("w", 1, now), None);
            budgets.refund("w");
            assert_eq!(budgets.spend("w", 1, now), Some(0));
            budgets.forget("w");
            assert_eq!(budgets.spend("w", 1, now), Some(0));
        }
    }
}
