//! Converts the retry policy of an edge, within a topology's limits. Spec: router 3.6.

use std::time::Duration;

use squall_core::file::{Problem, Problems};
use squall_core::units::DURATION_MAX;
use squall_manifest::resource::{self, At};
use squall_router::RetryPolicy;

use crate::file::ATTEMPTS_MAX;

/// The timeout of messages along the edge, and their retry policy.
///
/// A policy with one attempt is no retry, but may limit the attempt: this becomes the edge's timeout. In other policies
/// the timeout is that of each attempt, as the resource defines it; deployed runners apply it to all attempts together.
pub(super) fn taken(
    policy: &resource::RetryPolicy,
    problems: &mut Problems,
) -> (Option<Duration>, Option<RetryPolicy>) {
    let timeout = policy.timeout.as_ref().map(|timeout| time(timeout, problems));
    if policy.max_attempts.value < 2 {
        return (timeout, None);
    }
    let mut retry = RetryPolicy::attempts(attempts(&policy.max_attempts, problems)).delays(
        time(&policy.initial_delay, problems),
        policy.coefficient,
        time(&policy.max_delay, problems),
    );
    retry.attempt_timeout = timeout;
    retry.non_retryable_codes.clone_from(&policy.non_retryable_codes);
    (None, Some(retry))
}

fn attempts(attempts: &At<u32>, problems: &mut Problems) -> u32 {
    if attempts.value > ATTEMPTS_MAX {
        let problem = Problem::new(format!("a topology has no more than {ATTEMPTS_MAX} attempts"));
        let label = format!("{ATTEMPTS_MAX} are taken");
        problems.add(problem.at(&attempts.span, label).warning());
    }
    attempts.value.min(ATTEMPTS_MAX)
}

fn time(time: &At<Duration>, problems: &mut Problems) -> Duration {
    if time.value > DURATION_MAX {
        let problem = Problem::new("a topology has no times of more than ten years");
        let label = format!("{} is taken", DURATION_MAX.as_millis());
        problems.add(problem.at(&time.span, label).warning());
    }
    time.value.min(DURATION_MAX)
}
