//! How far a request got.

use std::sync::atomic::{AtomicU8, Ordering};

/// Did it happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It certainly did not happen, or the callee itself says that it failed.
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

/// How far a request has got. Only ever moves forward.
#[derive(Debug, Default)]
pub struct Progress(AtomicU8);

impl Progress {
    /// hyper has taken the message's bytes to write them: the peer may have them.
    const SENT: u8 = 1;
    /// The peer has answered with nothing but a status.
    const STATUS: u8 = 2;
    /// The peer has begun to answer.
    const ANSWERED: u8 = 3;

    /// Begins anew, for a request that is known to have reached no handler.
    pub fn restart(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// What is known of a request whose answer will not come.
    pub fn outcome_if_lost(&self) -> Outcome {
        if self.0.load(Ordering::Acquire) >= Self::SENT {
            Outcome::Unknown
        } else {
            Outcome::Failed
        }
    }

    /// True when the peer has answered with nothing but a status.
    pub fn only_a_status_came(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::STATUS
    }

    pub(crate) fn sent(&self) {
        self.reached(Self::SENT);
    }

    /// The answer is a status without a message.
    pub(crate) fn status(&self) {
        self.reached(Self::STATUS);
    }

    pub(crate) fn answered(&self) {
        self.reached(Self::ANSWERED);
    }

    fn reached(&self, stage: u8) {
        self.0.fetch_max(stage, Ordering::Release);
    }
}
