//! The executions in flight of an executor, and their results within an observation window.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The executions of one executor, numbered in the order of their start.
#[derive(Default)]
pub(crate) struct Work {
    ledger: Mutex<Ledger>,
    /// Notified whenever one ends.
    ended: Notify,
}

#[derive(Default)]
struct Ledger {
    next: u64,
    running: BTreeMap<u64, Instant>,
    /// The results of executions that began in the current window.
    observed: Option<Window>,
}

struct Window {
    first: u64,
    ended: Observed,
}

/// The results of executions that began in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Observed {
    /// The number of ended ones.
    pub(crate) executions: u64,
    /// The number of those with an output.
    pub(crate) succeeded: u64,
    /// The maximum latency, including those that still run.
    pub(crate) latency_max: Duration,
}

impl Work {
    pub(super) fn begin(&self) -> Execution<'_> {
        let mut ledger = self.ledger();
        let number = ledger.next;
        ledger.next += 1;
        ledger.running.insert(number, Instant::now());
        Execution {
            work: self,
            number,
            succeeded: false,
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.ledger().running.len()
    }

    /// Resolves when all current executions have ended; later ones are not waited for.
    pub(crate) async fn settled(&self) {
        let mark = self.ledger().next;
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registered before the check: otherwise an end between the two would be missed.
            ended.as_mut().enable();
            if self.ledger().running.range(..mark).next().is_none() {
                return;
            }
            ended.await;
        }
    }

    /// Observes executions that begin from now on.
    pub(crate) fn observe(&self) {
        let mut ledger = self.ledger();
        ledger.observed = Some(Window {
            first: ledger.next,
            ended: Observed::default(),
        });
    }

    /// Ends the observation and returns the results since [`Work::observe`].
    pub(crate) fn observed(&self) -> Observed {
        let mut ledger = self.ledger();
        let Some(window) = ledger.observed.take() else {
            return Observed::default();
        };
        let running = ledger.running.range(window.first..).next();
        // The first of the running ones is the one that runs longest.
        let running = running.map_or(Duration::ZERO, |(_, started)| started.elapsed());
        Observed {
            latency_max: window.ended.latency_max.max(running),
            ..window.ended
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An execution in flight. One that is dropped before its end has failed: its output reached no caller.
pub(super) struct Execution<'a> {
    work: &'a Work,
    number: u64,
    succeeded: bool,
}

impl Execution<'_> {
    pub(super) fn end(mut self, succeeded: bool) {
        self.succeeded = succeeded;
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        let mut ledger = self.work.ledger();
        let started = ledger.running.remove(&self.number);
        let latency = started.map_or(Duration::ZERO, |started| started.elapsed());
        if let Some(window) = &mut ledger.observed
            && self.number >= window.first
        {
            window.ended.executions += 1;
            window.ended.succeeded += u64::from(self.succeeded);
            window.ended.latency_max = window.ended.latency_max.max(latency);
        }
        drop(ledger);
        self.work.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn only_what_begins_in_a_window_is_observed_and_what_still_runs_counts_by_its_age() {
        let work = Work::default();
        let before = work.begin();
        work.observe();
        tokio::time::sleep(10 * MS).await;
        let (good, bad) = (work.begin(), work.begin());
        let running = work.begin();
        tokio::time::sleep(5 * MS).await;
        good.end(true);
        bad.end(false);
        before.end(false);
        tokio::time::sleep(20 * MS).await;
        let seen = Observed {
            executions: 2,
            succeeded: 1,
            latency_max: 25 * MS,
        };
        assert_eq!(work.observed(), seen);
        assert_eq!(work.observed(), Observed::default(), "nobody looks any more");
        running.end(true);
        assert_eq!(work.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_is_not_waited_for() {
        let work = Work::default();
        let (first, second) = (work.begin(), work.begin());
        let settled = work.settled();
        tokio::pin!(settled);
        assert!(tokio::time::timeout(MS, settled.as_mut()).await.is_err());
        let _later = work.begin();
        drop(second);
        assert!(tokio::time::timeout(MS, settled.as_mut()).await.is_err());
        first.end(true);
        settled.await;
    }
}
