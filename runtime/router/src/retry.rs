//! Whether to try again, and when. Off unless somebody asks for it. Spec: router 3.6, W-1 to W-3.
//!
//! A second attempt is made only of what certainly no component has begun with, of what its component says may be tried
//! again, or of what carries an idempotency key, so that its receiver can tell it from a new message. There
//! is one layer of it: an error that was tried again in vain is not tried again further up.

use std::time::Duration;

use crate::hop::Trail;
use crate::{Error, Outcome};

/// How often and when a message is sent again after it has failed. Spec: router 3.6.
///
/// The whole never lasts longer than the message's deadline: when the next delay would pass it, the last
/// error is returned at once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many attempts there are at most, the first included. 0 and 1 mean a single one. 3 by default.
    pub max_attempts: u32,
    /// The delay after the first failure. 1 s by default.
    pub initial_delay: Duration,
    /// By how much each delay is longer than the one before. Less than 1, and what is no number, counts as
    /// 2. 2 by default.
    pub coefficient: f64,
    /// No delay is longer than this. 30 s by default.
    pub max_delay: Duration,
    /// Up to how many percent of a delay are left out at random, so that callers do not come back all at
    /// once. 0 to 100; none by default.
    pub jitter_percent: u8,
    /// How long each single attempt may take. Unbounded by default, but for the deadline of them all.
    pub attempt_timeout: Option<Duration>,
    /// Codes of errors that are final, although their component says that trying again may help.
    pub non_retryable_codes: Vec<String>,
    /// Gives messages that carry no idempotency key a random one, so that also what may have happened is
    /// sent again. Only for receivers that know such keys: modules of this crate do.
    pub idempotent: bool,
}

/// What an unusable coefficient is replaced with.
const COEFFICIENT: f64 = 2.0;

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            max_attempts: 3,
            initial_delay: Duration::from_secs(1),
            coefficient: COEFFICIENT,
            max_delay: Duration::from_secs(30),
            jitter_percent: 0,
            attempt_timeout: None,
            non_retryable_codes: Vec::new(),
            idempotent: false,
        }
    }
}

impl RetryPolicy {
    /// The defaults, with this many attempts at most.
    #[must_use]
    pub fn attempts(max_attempts: u32) -> Self {
        RetryPolicy {
            max_attempts,
            ..RetryPolicy::default()
        }
    }

    /// Sets the first delay, the factor between delays and the longest delay.
    #[must_use]
    pub fn delays(mut self, initial: Duration, coefficient: f64, max: Duration) -> Self {
        self.initial_delay = initial;
        self.coefficient = coefficient;
        self.max_delay = max;
        self
    }

    /// Sets how long each attempt may take.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Adds a code of errors that are final.
    #[must_use]
    pub fn non_retryable(mut self, code: impl Into<String>) -> Self {
        self.non_retryable_codes.push(code.into());
        self
    }

    /// Sets up to how many percent of a delay are left out at random.
    #[must_use]
    pub fn jitter(mut self, percent: u8) -> Self {
        self.jitter_percent = percent;
        self
    }

    /// Gives messages without an idempotency key one.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Reads a coefficient as TinyNodes write it, as text. Spec: router 3.6, section 7, test 24.
    #[must_use]
    pub fn coefficient_of(text: &str) -> f64 {
        usable(text.trim().parse().unwrap_or(COEFFICIENT))
    }

    /// The delay after this many failed attempts, counted from 1, before jitter:
    /// `initial_delay * coefficient^(failures - 1)`, but `max_delay` at most.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let coefficient = usable(self.coefficient);
        let max = self.max_delay.as_secs_f64();
        let mut delay = self.initial_delay.as_secs_f64();
        // Multiplied step by step, so that every platform comes to the same bits.
        for _ in 1..failures {
            if delay >= max || delay == 0.0 || coefficient == 1.0 {
                break;
            }
            delay *= coefficient;
        }
        if delay >= max {
            self.max_delay
        } else {
            Duration::from_secs_f64(delay)
        }
    }

    /// The delay after this many failed attempts, of which `random` takes its share away.
    pub(crate) fn jittered(&self, failures: u32, random: impl FnOnce() -> u64) -> Duration {
        let delay = self.delay(failures);
        if self.jitter_percent == 0 {
            return delay;
        }
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let most = nanos / 100 * u64::from(self.jitter_percent.min(100));
        Duration::from_nanos(nanos - random() % (most + 1))
    }

    /// Whether a message that failed so may be sent again. `crossed`: it is its own way to another module that
    /// failed, not that of a message which its component sent. `keyed`: it carries an idempotency key.
    ///
    /// What was marked permanent, or has a code of the list, is not. What was marked retryable is. Of the
    /// rest only what went to another module: what certainly no component there has begun with, if time may help; and
    /// what was lost on the way, if it is handled at most once thanks to the key. Spec: router 3.6, W-2, W-3.
    pub(crate) fn allows(&self, error: &Error, trail: &Trail, keyed: bool) -> bool {
        let crossed = trail.crossed();
        let listed = |code: &str| self.non_retryable_codes.iter().any(|it| it == code);
        match (error.retryable(), error) {
            (Some(false), _) => false,
            (Some(true), error) => !error.code().is_some_and(listed),
            (None, error) if crossed => reached_nobody(error) || (keyed && was_lost(error)),
            // Of an attempt here: whatever it did, it does not do twice.
            (None, Error::Overdue { .. }) => keyed,
            (None, _) => false,
        }
    }
}

/// Whether certainly no component has begun with a message that failed so on its own way to another module, and it may
/// find one later: its node may have moved, or is about to be there. What is wrong with the message itself stays wrong.
fn reached_nobody(error: &Error) -> bool {
    match error {
        Error::NoModule { .. } | Error::NotDiscovered { .. } | Error::Overload { .. } => true,
        Error::Unavailable { outcome, .. } | Error::Timeout { outcome, .. } => *outcome == Outcome::Failed,
        Error::Send { handled, in_vain, .. } => !handled && !in_vain,
        // It says so of itself: what comes from further away, some component has begun with.
        Error::Remote(remote) => remote.kind.may_pass() && !remote.handled,
        _ => false,
    }
}

/// Whether nobody knows what has become of it.
fn was_lost(error: &Error) -> bool {
    match error {
        Error::Unavailable { outcome, .. } | Error::Timeout { outcome, .. } | Error::Send { outcome, .. } => {
            *outcome == Outcome::Unknown
        }
        _ => false,
    }
}

fn usable(coefficient: f64) -> f64 {
    if coefficient.is_finite() && coefficient >= 1.0 {
        coefficient
    } else {
        COEFFICIENT
    }
}
