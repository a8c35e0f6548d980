//! The retry policy of an edge. Missing values have their defaults, and unusable values have them with a warning:
//! those of deployed runners, if there are any. Spec: router 3.6, 6.4.

use std::num::IntErrorKind;
use std::time::Duration;

use squall_router::RetryPolicy as Usual;

use super::fields::Fields;
use super::head;
use crate::resource::{At, RetryPolicy};
use crate::yaml::Tree;

const ATTEMPTS: &str = "maxAttempts";
const FIRST: &str = "initialDelayMs";
const FACTOR: &str = "backoffCoefficient";
const LONGEST: &str = "maxDelayMs";
const CODES: &str = "nonRetryableErrorCodes";
const TIMEOUT: &str = "timeoutMs";
const KEYS: [&str; 6] = [ATTEMPTS, FIRST, FACTOR, LONGEST, CODES, TIMEOUT];

/// `None`, and a warning, for a policy that is not a mapping.
pub(super) fn retry_policy<'t>(tree: &'t Tree, fields: &mut Fields<'t>) -> Option<RetryPolicy> {
    let Some(entries) = tree.map() else {
        let message = "the retry policy of an edge is left out".to_owned();
        fields.warn(tree, message, "expected a mapping");
        return None;
    };
    for (key, _) in entries {
        let name = key.text().unwrap_or_default();
        if !KEYS.contains(&name) {
            let message = format!("a retry policy has no key `{}`", name.escape_debug());
            let help = format!("it has {}", KEYS.join(", "));
            fields.warn_with_help(key, message, "skipped", &help);
        }
    }
    let usual = Usual::default();
    Some(RetryPolicy {
        max_attempts: attempts(tree, fields),
        initial_delay: delay(tree, FIRST, usual.initial_delay, fields),
        coefficient: coefficient(tree, fields),
        max_delay: delay(tree, LONGEST, usual.max_delay, fields),
        non_retryable_codes: codes(tree, fields),
        timeout: timeout(tree, fields),
    })
}

fn attempts(policy: &Tree, fields: &mut Fields<'_>) -> At<u32> {
    // The default of the resource. That of the runners is for values that the API server would reject.
    const ABSENT: u32 = 1;
    let Some(tree) = policy.get(ATTEMPTS) else {
        return absent(policy, ABSENT);
    };
    let (value, problem, taken) = match whole(tree) {
        Some(count @ 1..) => return at(tree, u32::try_from(count).unwrap_or(u32::MAX)),
        Some(_) => {
            let count = Usual::default().max_attempts;
            let taken = format!("{count} are taken, as deployed modules do");
            (count, "is less than 1", taken)
        }
        None => {
            let taken = format!("{ABSENT} is taken: nothing is sent again");
            (ABSENT, "is no whole number", taken)
        }
    };
    let message = format!("`{ATTEMPTS}` of a retry policy {problem}");
    let help = "write a whole number: the first attempt counts, so 1 is no retry";
    fields.warn_with_help(tree, message, &taken, help);
    at(tree, value)
}

fn delay(policy: &Tree, key: &str, usual: Duration, fields: &mut Fields<'_>) -> At<Duration> {
    let Some(tree) = policy.get(key) else {
        return absent(policy, usual);
    };
    let taken = format!("{} is taken", usual.as_millis());
    at(tree, millis(tree, key, &taken, fields).unwrap_or(usual))
}

fn timeout(policy: &Tree, fields: &mut Fields<'_>) -> Option<At<Duration>> {
    let tree = policy.get(TIMEOUT)?;
    let timeout = millis(tree, TIMEOUT, "none is taken", fields)?;
    Some(at(tree, timeout))
}

fn coefficient(policy: &Tree, fields: &mut Fields<'_>) -> f64 {
    let Some(tree) = policy.get(FACTOR) else {
        return Usual::default().coefficient;
    };
    let text = tree.text().unwrap_or_default();
    let coefficient = Usual::coefficient_of(text);
    if text.trim().parse() != Ok(coefficient) {
        let message = format!("`{FACTOR}` of a retry policy is no number of 1 or more");
        let taken = format!("{coefficient} is taken, as deployed modules do");
        fields.warn_with_help(tree, message, &taken, "write it as text: \"1.5\"");
    }
    coefficient
}

/// Each once: duplicates have no meaning.
fn codes<'t>(policy: &'t Tree, fields: &mut Fields<'t>) -> Vec<String> {
    let mut codes = Vec::new();
    for tree in fields.list(policy.get(CODES), "the final error codes of a retry policy") {
        match tree.text() {
            Some(code) if !code.is_empty() && !tree.is_null() => {
                if !codes.iter().any(|it| it == code) {
                    codes.push(code.to_owned());
                }
            }
            _ => {
                let message = "a final error code of a retry policy is skipped".to_owned();
                fields.warn(tree, message, "expected the code of an error, as text");
            }
        }
    }
    codes
}

/// A time of more than 0. Reports the replacement of anything else.
fn millis(tree: &Tree, key: &str, taken: &str, fields: &mut Fields<'_>) -> Option<Duration> {
    let (problem, so) = match whole(tree) {
        Some(millis @ 1..) => return Some(Duration::from_millis(millis.unsigned_abs())),
        Some(_) => ("is not more than 0", ", as deployed modules do"),
        None => ("is no whole number", ""),
    };
    let message = format!("`{key}` of a retry policy {problem}");
    let label = format!("{taken}{so}");
    fields.warn_with_help(tree, message, &label, "write a whole number of milliseconds");
    None
}

/// A whole number, also in quotes. Numbers beyond 64 bits become the largest or smallest value.
fn whole(tree: &Tree) -> Option<i64> {
    match tree.text()?.trim().parse::<i64>() {
        Ok(number) => Some(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(i64::MAX),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => Some(i64::MIN),
        Err(_) => None,
    }
}

fn at<T>(tree: &Tree, value: T) -> At<T> {
    At {
        span: tree.span.clone(),
        value,
    }
}

/// The place of a missing value is the start of the policy.
fn absent<T>(policy: &Tree, value: T) -> At<T> {
    At {
        span: head(&policy.span),
        value,
    }
}
