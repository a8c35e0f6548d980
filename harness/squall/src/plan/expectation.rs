//! What must hold in one run.

use std::sync::Arc;
use std::time::Duration;

use super::{CanaryExpectation, ProviderExpectation};
use crate::custom::CustomExpect;
use crate::time;

/// What must hold in one run, besides what holds in all.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// For the calls of one workload that start within a window.
    Calls(CallsExpectation),
    /// For the state of a provider within a window.
    Provider(ProviderExpectation),
    /// For the end of a canary.
    Canary(CanaryExpectation),
    /// Whatever a user's own kind wants.
    Custom(OwnExpectation),
}

/// What a user's own kind of expectation wants, of what happens within a window.
#[derive(Debug, Clone)]
pub struct OwnExpectation {
    /// What.
    pub expect: Arc<dyn CustomExpect>,
    /// When.
    pub window: Window,
}

impl PartialEq for OwnExpectation {
    fn eq(&self, other: &Self) -> bool {
        *self.expect == *other.expect && self.window == other.window
    }
}

impl Window {
    /// Whether a moment, in nanoseconds since the start of the run, is within it.
    #[must_use]
    pub fn contains(&self, at: u64) -> bool {
        let until = self.until.map_or(u64::MAX, time::nanos);
        time::nanos(self.from) <= at && at < until
    }
}

impl Expectation {
    /// When it must hold; nothing where that is no question.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Expectation::Calls(expectation) => Some(&expectation.window),
            Expectation::Provider(expectation) => Some(&expectation.window),
            Expectation::Canary(_) => None,
            Expectation::Custom(expectation) => Some(&expectation.window),
        }
    }
}

/// What must hold for the calls of one workload that start within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct CallsExpectation {
    /// Which workload.
    pub workload: String,
    /// Which calls of it.
    pub window: Window,
    /// What must hold of them. Several checks in one `[[expect]]` are several expectations.
    pub check: Check,
}

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

/// One check on the calls of a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The share of calls that are ok. With no call in the window it does not hold.
    SuccessRate(Bounds<f64>),
    /// How many calls.
    Calls(Bounds<u64>),
    /// How many calls are ok.
    Ok(Bounds<u64>),
    /// How many calls failed: they certainly did not happen.
    Failed(Bounds<u64>),
    /// How many calls ended without anybody knowing whether they happened.
    Unknown(Bounds<u64>),
    /// Every error is of one of these classes.
    ErrorsOnly(Vec<String>),
    /// No error is of one of these classes.
    ErrorsNever(Vec<String>),
    /// At least one error of each of these classes.
    ErrorsSome(Vec<String>),
    /// A quantile of the latency of the calls that are ok. With no such call it does not hold.
    Latency {
        /// Which one.
        quantile: Quantile,
        /// In virtual time.
        bounds: Bounds<Duration>,
    },
}

/// Inclusive bounds; at least one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<T> {
    /// `at_least`
    pub at_least: Option<T>,
    /// `at_most`
    pub at_most: Option<T>,
}

/// A quantile that reports show.
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
