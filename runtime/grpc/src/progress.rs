//! How far a request got.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Did it happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It certainly did not happen, or the callee itself reports a failure.
    Failed,
    /// It may have happened: a timeout or a lost connection after the request was, or may have been, sent.
    Unknown,
}

impl Outcome {
    /// `failed` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// How far a request has got. It only moves forward.
#[derive(Debug, Default)]
pub struct Progress(
    /// The attempt, then the stage in the lowest two bits.
    AtomicU32,
);

/// One attempt of a [`Progress`].
///
/// A new attempt begins only when the previous one is known to have reached no handler. Later writes of the previous
/// attempt's bytes do not count for the new one.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    progress: Arc<Progress>,
    attempt: u32,
}

impl Mark {
    /// HTTP/2 has taken bytes of the message to write them: the peer may have them.
    pub(crate) fn sent(&self) {
        self.progress.reached(self.attempt, Progress::SENT);
    }
}

impl Progress {
    const SENT: u32 = 1;
    /// The peer has answered with only a status.
    const STATUS: u32 = 2;
    /// The peer has begun to answer.
    const ANSWERED: u32 = 3;
    const STAGES: u32 = 0b11;

    /// Starts again, for a request that is known to have reached no handler.
    pub fn restart(&self) {
        let next = (self.0.load(Ordering::Acquire) | Self::STAGES) + 1;
        self.0.store(next, Ordering::Release);
    }

    /// The outcome of a request without a response.
    pub fn outcome_if_lost(&self) -> Outcome {
        if self.stage() >= Self::SENT {
            Outcome::Unknown
        } else {
            Outcome::Failed
        }
    }

    /// True when the peer has answered with only a status.
    pub fn only_a_status_came(&self) -> bool {
        self.stage() == Self::STATUS
    }

    pub(crate) fn mark(self: &Arc<Self>) -> Mark {
        Mark {
            attempt: self.attempt(),
            progress: Arc::clone(self),
        }
    }

    /// The response is a status without a message.
    pub(crate) fn status(&self) {
        self.reached(self.attempt(), Self::STATUS);
    }

    pub(crate) fn answered(&self) {
        self.reached(self.attempt(), Self::ANSWERED);
    }

    fn stage(&self) -> u32 {
        self.0.load(Ordering::Acquire) & Self::STAGES
    }

    fn attempt(&self) -> u32 {
        self.0.load(Ordering::Acquire) & !Self::STAGES
    }

    /// For an earlier attempt it has no effect.
    fn reached(&self, attempt: u32, stage: u32) {
        self.0.fetch_max(attempt | stage, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_an_attempt_that_was_given_up_say_nothing_of_the_next() {
        let progress = Arc::new(Progress::default());
        let first = progress.mark();
        progress.restart();
        first.sent();
        assert_eq!(progress.outcome_if_lost(), Outcome::Failed);
        let second = progress.mark();
        second.sent();
        assert_eq!(progress.outcome_if_lost(), Outcome::Unknown);
        progress.status();
        assert!(progress.only_a_status_came());
        second.sent();
        assert!(progress.only_a_status_came(), "only ever forward");
    }
}
