//! Expectations about the calls of a workload.
//!
//! A window selects the calls that *start* in it. A call without an end counts as unknown, with the class
//! `unended`: lost calls must not make an expectation hold.

mod certain;
mod raw;
mod said;

use std::fmt::{self, Display};
use std::time::Duration;

use serde_json::{Value, json};

pub use self::said::OF_CALLS;
use super::Expectation;
use crate::calls::Call;
use crate::journal::Outcome;
use crate::oracle::{Run, Violation};
use crate::plan::Window;
use crate::report::micros;
use crate::statistics;
use crate::time;
use crate::verdict::Judged;

/// What must hold for the calls of one workload that start within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct CallsExpectation {
    /// The workload.
    pub workload: String,
    /// The window.
    pub window: Window,
    /// The check. Several checks in one `[[expect]]` are several expectations.
    pub check: Check,
}

/// One check on the calls of a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The ratio of calls that end ok. Without calls in the window it does not hold.
    SuccessRate(Bounds<f64>),
    /// The number of calls.
    Calls(Bounds<u64>),
    /// The number of calls that end ok.
    Ok(Bounds<u64>),
    /// The number of calls that failed: they certainly did not happen.
    Failed(Bounds<u64>),
    /// The number of calls that may have happened.
    Unknown(Bounds<u64>),
    /// Every error is of one of these classes.
    ErrorsOnly(Vec<String>),
    /// No error is of one of these classes.
    ErrorsNever(Vec<String>),
    /// At least one error of each of these classes.
    ErrorsSome(Vec<String>),
    /// A latency quantile of the calls that end ok. Without such calls it does not hold.
    Latency {
        /// The quantile.
        quantile: Quantile,
        /// In virtual time.
        bounds: Bounds<Duration>,
    },
}

/// Inclusive bounds; at least one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<T> {
    /// `at_least`
    pub at_least: Option<T>,
    /// `at_most`
    pub at_most: Option<T>,
}

/// A quantile as shown in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// 50 of 100.
    P50,
    /// 90 of 100.
    P90,
    /// 99 of 100.
    P99,
    /// All.
    Max,
}

impl Expectation for CallsExpectation {
    fn text(&self) -> String {
        let CallsExpectation {
            workload,
            window,
            check,
        } = self;
        let space = if window.text.is_empty() { "" } else { " " };
        format!("{workload}{space}{}: {}", window.text, statement(check))
    }

    fn window(&self) -> Option<&Window> {
        Some(&self.window)
    }

    fn judge(&self, run: &Run<'_>) -> Judged {
        let calls = calls(run, self);
        let finding = check(&self.check, &calls);
        let culprit = finding.culprit.filter(|_| !finding.held);
        Judged {
            name: self.workload.clone(),
            text: self.text(),
            held: finding.held,
            judged: None,
            measured: finding.measured,
            value: finding.value,
            counterexample: culprit.map(|call| counterexample(run, call)),
        }
    }

    fn in_vain(&self, run: &Run<'_>) -> Option<&'static str> {
        let calls = calls(run, self);
        // A count is meaningful without calls.
        match calls.is_empty() && !matches!(self.check, Check::Calls(_)) {
            true => Some("no call started in its window"),
            false => certain::why(run, self, &calls),
        }
    }
}

/// The calls that an expectation covers.
fn calls<'a, 'j>(run: &'a Run<'j>, expectation: &CallsExpectation) -> Vec<&'a Call<'j>> {
    let mut workloads = (0_u32..).zip(&run.plan.workloads);
    let Some((workload, _)) = workloads.find(|(_, workload)| workload.name == expectation.workload) else {
        return Vec::new();
    };
    let from = time::nanos(expectation.window.from);
    let until = expectation.window.until.map_or(u64::MAX, time::nanos);
    run.calls
        .of_workload(workload)
        .filter(|call| from <= call.started.at && call.started.at < until)
        .collect()
}

struct Measured<'a, 'j> {
    held: bool,
    measured: String,
    value: Value,
    /// The first call that violates it; unused if it held.
    culprit: Option<&'a Call<'j>>,
}

fn check<'a, 'j>(check: &Check, calls: &[&'a Call<'j>]) -> Measured<'a, 'j> {
    match check {
        Check::SuccessRate(bounds) => success_rate(*bounds, calls),
        Check::Calls(bounds) => count(*bounds, calls, |_| true),
        Check::Ok(bounds) => count(*bounds, calls, Call::is_ok),
        Check::Failed(bounds) => count(*bounds, calls, |call| call.outcome() == Outcome::Failed),
        Check::Unknown(bounds) => count(*bounds, calls, |call| call.outcome() == Outcome::Unknown),
        Check::ErrorsOnly(classes) => no_error(calls, |class| !contains(classes, class)),
        Check::ErrorsNever(classes) => no_error(calls, |class| contains(classes, class)),
        Check::ErrorsSome(classes) => some_errors(classes, calls),
        Check::Latency { quantile, bounds } => latency(*quantile, *bounds, calls),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^53 calls")]
fn success_rate<'a, 'j>(bounds: Bounds<f64>, calls: &[&'a Call<'j>]) -> Measured<'a, 'j> {
    let ok = calls.iter().filter(|call| call.is_ok()).count();
    if calls.is_empty() {
        return Measured {
            held: false,
            measured: "no call".to_owned(),
            value: json!({ "ok": 0, "calls": 0 }),
            culprit: None,
        };
    }
    // The division rounds to the nearest double, as the parser of the bound did: 19 of 20 is 0.95 exactly.
    let rate = ok as f64 / calls.len() as f64;
    let too_low = bounds.at_least.is_some_and(|bound| rate < bound);
    Measured {
        held: within(bounds, rate),
        measured: format!("is {} ({ok} of {})", share(ok, calls.len()), calls.len()),
        value: json!({ "rate": rate, "ok": ok, "calls": calls.len() }),
        culprit: calls.iter().copied().find(|call| call.is_ok() != too_low),
    }
}

/// Four decimals, rounded down: a share below 1 never reads as 1.
fn share(part: usize, all: usize) -> String {
    let scaled = part as u128 * 10_000 / all as u128;
    let text = format!("{}.{:04}", scaled / 10_000, scaled % 10_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

fn count<'a, 'j>(
    bounds: Bounds<u64>,
    calls: &[&'a Call<'j>],
    counts: impl Fn(&Call<'j>) -> bool,
) -> Measured<'a, 'j> {
    let number = calls.iter().filter(|call| counts(call)).count() as u64;
    let too_few = bounds.at_least.is_some_and(|bound| number < bound);
    Measured {
        held: within(bounds, number),
        measured: format!("is {number}"),
        value: number.into(),
        culprit: calls.iter().copied().find(|call| counts(call) != too_few),
    }
}

fn no_error<'a, 'j>(calls: &[&'a Call<'j>], forbidden: impl Fn(&str) -> bool) -> Measured<'a, 'j> {
    let culprit = calls
        .iter()
        .copied()
        .find(|call| !call.is_ok() && forbidden(call.class()));
    Measured {
        held: culprit.is_none(),
        measured: errors(calls),
        value: json!(statistics::errors(calls.iter().copied())),
        culprit,
    }
}

fn some_errors<'a, 'j>(classes: &[String], calls: &[&'a Call<'j>]) -> Measured<'a, 'j> {
    let is_missing = |class: &str| !calls.iter().any(|call| !call.is_ok() && call.class() == class);
    Measured {
        held: !classes.iter().any(|class| is_missing(class)),
        measured: errors(calls),
        value: json!(statistics::errors(calls.iter().copied())),
        culprit: None,
    }
}

fn latency<'a, 'j>(quantile: Quantile, bounds: Bounds<Duration>, calls: &[&'a Call<'j>]) -> Measured<'a, 'j> {
    let Some(quantiles) = statistics::latency(calls.iter().copied()) else {
        return Measured {
            held: false,
            measured: "no call was ok".to_owned(),
            value: Value::Null,
            culprit: calls.first().copied(),
        };
    };
    let measured = quantiles.get(quantile);
    let bounds = Bounds {
        at_least: bounds.at_least.map(time::nanos),
        at_most: bounds.at_most.map(time::nanos),
    };
    let outside = |call: &Call<'_>| call.latency().is_some_and(|latency| !within(bounds, latency));
    Measured {
        held: within(bounds, measured),
        measured: format!("is {}", time::exact(measured)),
        value: json!({ "us": micros(measured) }),
        culprit: calls.iter().copied().find(|call| call.is_ok() && outside(call)),
    }
}

fn within<T: PartialOrd>(bounds: Bounds<T>, value: T) -> bool {
    bounds.at_least.is_none_or(|bound| value >= bound) && bounds.at_most.is_none_or(|bound| value <= bound)
}

fn contains(classes: &[String], class: &str) -> bool {
    classes.iter().any(|other| other == class)
}

fn errors(calls: &[&Call<'_>]) -> String {
    if calls.is_empty() {
        return "no call".to_owned();
    }
    let errors = statistics::errors(calls.iter().copied());
    if errors.is_empty() {
        return "no error".to_owned();
    }
    let errors: Vec<_> = errors
        .iter()
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    errors.join(", ")
}

fn counterexample(run: &Run<'_>, call: &Call<'_>) -> Violation {
    let what = match &call.end {
        None => "never ended".to_owned(),
        Some(end) => {
            let took = time::exact(call.latency().unwrap_or_default());
            let class = if end.class.is_empty() { "ok" } else { end.class };
            let error = if end.error.is_empty() {
                String::new()
            } else {
                format!(" ({})", end.error)
            };
            format!("{class} after {took}{error}")
        }
    };
    run.of_call(call, call.started.at, what)
}

fn statement(check: &Check) -> String {
    match check {
        Check::SuccessRate(bounds) => format!("success rate {}", Shown(*bounds, |rate| format!("{rate:?}"))),
        Check::Calls(bounds) => format!("calls {}", number(*bounds)),
        Check::Ok(bounds) => format!("ok {}", number(*bounds)),
        Check::Failed(bounds) => format!("failed {}", number(*bounds)),
        Check::Unknown(bounds) => format!("unknown {}", number(*bounds)),
        Check::ErrorsOnly(classes) if classes.is_empty() => "no errors".to_owned(),
        Check::ErrorsOnly(classes) => format!("only {}", classes.join(", ")),
        Check::ErrorsNever(classes) => format!("never {}", classes.join(", ")),
        Check::ErrorsSome(classes) => format!("some {}", classes.join(", ")),
        Check::Latency { quantile, bounds } => {
            let name = match quantile {
                Quantile::P50 => "p50",
                Quantile::P90 => "p90",
                Quantile::P99 => "p99",
                Quantile::Max => "max",
            };
            format!(
                "{name} {}",
                Shown(*bounds, |bound| time::exact(time::nanos(bound)))
            )
        }
    }
}

fn number(bounds: Bounds<u64>) -> impl Display {
    Shown(bounds, |bound: u64| bound.to_string())
}

struct Shown<T, F>(Bounds<T>, F);

impl<T: Copy + PartialEq, F: Fn(T) -> String> Display for Shown<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(bounds, show) = self;
        match (bounds.at_least, bounds.at_most) {
            (Some(least), Some(most)) if least == most => write!(f, "= {}", show(least)),
            (Some(least), Some(most)) => write!(f, ">= {} and <= {}", show(least), show(most)),
            (Some(least), None) => write!(f, ">= {}", show(least)),
            (None, Some(most)) => write!(f, "<= {}", show(most)),
            (None, None) => f.write_str("any"),
        }
    }
}

#[cfg(test)]
mod tests;
