//! When something must hold.

use std::time::Duration;

use crate::time;

/// What is at or after `from` and before `until`: calls that start, states of providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From the start of the run.
    pub from: Duration,
    /// From the start of the run; the end of the run when absent.
    pub until: Option<Duration>,
    /// How to say it: ``, `during split`, `from 2s after split`.
    pub text: String,
}

impl Window {
    /// Whether a moment, in nanoseconds since the start of the run, is within it.
    #[must_use]
    pub fn contains(&self, at: u64) -> bool {
        let until = self.until.map_or(u64::MAX, time::nanos);
        time::nanos(self.from) <= at && at < until
    }
}
