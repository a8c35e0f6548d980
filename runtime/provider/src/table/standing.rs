//! Whether a member responds: one that does not is set aside for a while, and tried again. Spec: provider 2.11, ours.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this many calls in a row that ran out of time, with nothing received from the member since, it is set aside.
const MISSES_MAX: u32 = 3;
/// How long a member that was set aside is left alone before a call tries it.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The pause doubles with each failed trial, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The results of calls at one member.
///
/// ```text
///             unreachable, or several calls unanswered
///   in use ------------------------------------------------> aside
///     ^                                                      |    |
///     '------------- anything that it answers ---------------'    '--> a call tries it after each pause
/// ```
///
/// Its heartbeats do not count: a provider whose executor hangs, or cannot be reached, may still send them.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    /// Calls without a response, since the last one.
    misses: u32,
    heard: Option<Instant>,
    /// Only while it is set aside.
    trial: Option<Trial>,
}

#[derive(Debug)]
struct Trial {
    at: Instant,
    pause: Duration,
}

impl Standing {
    /// Whether it takes calls: it is in use, or a trial is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let record = self.lock();
        record.trial.as_ref().is_none_or(|trial| now >= trial.at)
    }

    /// A call is sent to it. If that is a trial, the next one comes after a longer pause.
    pub(crate) fn asked(&self, now: Instant) {
        if let Some(trial) = &mut self.lock().trial
            && now >= trial.at
        {
            trial.pause = (trial.pause * 2).min(PAUSE_MAX);
            trial.at = now + trial.pause;
        }
    }

    /// It has answered anything at all. True when it is in use again because of that.
    pub(crate) fn answered(&self, now: Instant) -> bool {
        let mut record = self.lock();
        record.misses = 0;
        record.heard = Some(now);
        record.trial.take().is_some()
    }

    /// A call that began at this time has run out of time. True when the member is set aside because of that.
    pub(crate) fn missed(&self, begun: Instant, now: Instant) -> bool {
        let mut record = self.lock();
        // It has answered other calls meanwhile: this one was too expensive for it, or had too little time.
        if record.heard.is_some_and(|heard| heard >= begun) {
            return false;
        }
        record.misses = record.misses.saturating_add(1);
        record.misses >= MISSES_MAX && record.put_aside(now)
    }

    /// No connection to it is possible. True when it is set aside because of that.
    pub(crate) fn unreachable(&self, now: Instant) -> bool {
        self.lock().put_aside(now)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn put_aside(&mut self, now: Instant) -> bool {
        if self.trial.is_some() {
            return false;
        }
        self.trial = Some(Trial {
            at: now + PAUSE_FIRST,
            pause: PAUSE_FIRST,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begin: Instant, ms: u64) -> Instant {
        begin + Duration::from_millis(ms)
    }

    #[test]
    fn three_calls_in_vain_and_nothing_heard_meanwhile_put_a_member_aside() {
        let (it, begin) = (Standing::default(), Instant::now());
        assert!(!it.missed(begin, at(begin, 10)));
        assert!(!it.missed(begin, at(begin, 20)));
        assert!(it.is_due(at(begin, 20)));
        assert!(it.missed(begin, at(begin, 30)));
        assert!(!it.is_due(at(begin, 30)));
        assert!(!it.missed(begin, at(begin, 40)), "it is aside already");
    }

    #[test]
    fn one_that_answers_others_is_merely_slow() {
        let (it, begin) = (Standing::default(), Instant::now());
        for round in 1..10 {
            let now = at(begin, 10 * round);
            it.answered(now);
            assert!(!it.missed(at(now, 0) - Duration::from_millis(5), at(now, 1)));
        }
        assert!(it.is_due(at(begin, 100)));
    }

    #[test]
    fn it_is_tried_after_pauses_that_double_and_back_with_the_first_answer() {
        let (it, begin) = (Standing::default(), Instant::now());
        assert!(it.unreachable(begin));
        let mut tried = vec![];
        for ms in (0..100_000).step_by(500) {
            let now = at(begin, ms);
            if it.is_due(now) {
                it.asked(now);
                assert!(!it.is_due(now), "one call at a time");
                tried.push(ms);
            }
        }
        assert_eq!(tried, [1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000]);
        assert!(it.answered(at(begin, 100_000)));
        assert!(it.is_due(at(begin, 100_000)));
        assert!(!it.answered(at(begin, 100_001)), "nothing new");
    }
}
