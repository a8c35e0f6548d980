//! What the retry policy of an edge becomes: what a topology says of an edge, within its limits. Spec: router 3.6.

use std::time::Duration;

use squall_manifest::resource::{self, At};
use squall_router::RetryPolicy;

use crate::file::{Problem, Problems};
use crate::systems::router::file::ATTEMPTS_MAX;
use crate::units::DURATION_MAX;

/// How long a message along the edge may take, and whether it is sent again.
///
/// A policy of one attempt is no retry, but it may bound that attempt: then the edge has its timeout. Of others
/// the timeout is that of each attempt, as the resource means it; deployed runners have it bound them all.
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
