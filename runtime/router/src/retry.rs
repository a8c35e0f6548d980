//! Whether to retry, and when. Off by default. Spec: router 3.6, W-1 to W-3.
//!
//! A second attempt is made only if certainly no component has begun with the message, if its component calls the
//! error retryable, or if the message carries an idempotency key, by which its receiver recognises it. There is one
//! layer of retries: an error after unsuccessful retries is not retried further up.

use std::time::Duration;

use crate::hop::Trail;
use crate::{Error, Outcome};

/// How often and when a failed message is sent again. Spec: router 3.6.
///
/// All attempts end by the message's deadline: when the next delay would pass it, the last error is returned at once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The maximum number of attempts, including the first. 0 and 1 mean a single one. 3 by default.
    pub max_attempts: u32,
    /// The delay after the first failure. 1 s by default.
    pub initial_delay: Duration,
    /// The factor between one delay and the next. Values below 1 and NaN count as 2. 2 by default.
    pub coefficient: f64,
    /// The maximum delay. 30 s by default.
    pub max_delay: Duration,
    /// The maximum random reduction of a delay, in percent, so that callers do not retry at the same time. 0 to 100;
    /// none by default.
    pub jitter_percent: u8,
    /// The time limit of each attempt. None by default, except for the deadline of all attempts.
    pub attempt_timeout: Option<Duration>,
    /// Codes of errors that are final, although their component calls them retryable.
    pub non_retryable_codes: Vec<String>,
    /// Gives messages without an idempotency key a random one, so that calls with an unknown outcome are also
    /// retried. Only for receivers that support such keys: modules of this crate do.
    pub idempotent: bool,
}

/// The replacement for an unusable coefficient.
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
    /// The defaults, with this maximum number of attempts.
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

    /// Sets the time limit of each attempt.
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

    /// Sets the maximum random reduction of a delay, in percent.
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

    /// Reads a coefficient in the format of TinyNodes, as text. Spec: router 3.6, section 7, test 24.
    #[must_use]
    pub fn coefficient_of(text: &str) -> f64 {
        usable(text.trim().parse().unwrap_or(COEFFICIENT))
    }

    /// The delay after this many failed attempts, counted from 1, before jitter: `initial_delay *
    /// coefficient^(failures - 1)`, but at most `max_delay`.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let coefficient = usable(self.coefficient);
        let max = self.max_delay.as_secs_f64();
        let mut delay = self.initial_delay.as_secs_f64();
        // Multiplied step by step, so that every platform gets the same bits.
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

    /// The delay after this many failed attempts, reduced by `random`'s share.
    pub(crate) fn jittered(&self, failures: u32, random: impl FnOnce() -> u64) -> Duration {
        let delay = self.delay(failures);
        if self.jitter_percent == 0 {
            return delay;
        }
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let most = nanos / 100 * u64::from(self.jitter_percent.min(100));
        Duration::from_nanos(nanos - random() % (most + 1))
    }

    /// Whether a message with this error may be sent again. `crossed`: its own hop to another module failed, not that
    /// of a message which its component sent. `keyed`: it carries an idempotency key.
    ///
    /// Errors that are permanent, or have a code of the list, are not retried. Retryable errors are. Of the others,
    /// only hops to another module are: if certainly no component there has begun and a later attempt may succeed;
    /// and if the call was lost on the way and a key ensures that it is handled at most once. Spec: router 3.6, W-2,
    /// W-3.
    pub(crate) fn allows(&self, error: &Error, trail: &Trail, keyed: bool) -> bool {
        let crossed = trail.crossed();
        let listed = |code: &str| self.non_retryable_codes.iter().any(|it| it == code);
        match (error.retryable(), error) {
            (Some(false), _) => false,
            (Some(true), error) => !error.code().is_some_and(listed),
            (None, error) if crossed => reached_nobody(error) || (keyed && was_lost(error)),
            // An attempt in this module: with a key, a retry does not repeat its effects.
            (None, Error::Overdue { .. }) => keyed,
            (None, _) => false,
        }
    }
}

/// Whether certainly no component has begun with a message whose own hop failed so, and a later attempt may find one:
/// its node may have moved, or may soon be installed. Mistakes in the message itself are permanent.
fn reached_nobody(error: &Error) -> bool {
    match error {
        Error::NoModule { .. } | Error::NotDiscovered { .. } | Error::Overload { .. } => true,
        Error::Unavailable { outcome, .. } | Error::Timeout { outcome, .. } => *outcome == Outcome::Failed,
        Error::Send { handled, in_vain, .. } => !handled && !in_vain,
        // The module reports it about itself. For an error from further away, some component has begun.
        Error::Remote(remote) => remote.kind.may_pass() && !remote.handled,
        _ => false,
    }
}

/// Whether the outcome is unknown.
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
