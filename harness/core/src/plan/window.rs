//! Time windows of expectations.

use std::time::Duration;

use crate::time;

/// The interval from `from`, included, until `until`, excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From the start of the run.
    pub from: Duration,
    /// From the start of the run; `None` is the end of the run.
    pub until: Option<Duration>,
    /// Its text in reports: ``, `during split`, `from 2s after split`.
    pub text: String,
}

impl Window {
    /// Whether an instant, in nanoseconds since the start of the run, is within it.
    #[must_use]
    pub fn contains(&self, at: u64) -> bool {
        let until = self.until.map_or(u64::MAX, time::nanos);
        time::nanos(self.from) <= at && at < until
    }
}
