//! The TOML shape of expectations about calls.

use std::time::Duration;

use schemars::JsonSchema;

use crate::file::read::{At, Read, Value, tables, wrong_type};
use crate::file::report::Problems;
use crate::file::value::Exact;

tables! {
    /// Inclusive bounds, at least one of them
    pub(super) Numbers("`success_rate`") {
        /// The least
        at_least: Option<At<f64>>,
        /// The most
        at_most: Option<At<f64>>,
    }

    /// Inclusive bounds, at least one of them
    pub(super) Integers("the bounds") {
        /// The least
        at_least: Option<At<u64>>,
        /// The most
        at_most: Option<At<u64>>,
    }

    /// Inclusive bounds, at least one of them
    pub(super) Durations("the bounds") {
        /// The least
        at_least: Option<At<Exact<Duration>>>,
        /// The most
        at_most: Option<At<Exact<Duration>>>,
    }

    /// Classes of errors
    pub(super) Errors("`errors`") {
        /// Every error is of one of these classes
        only: Option<At<Vec<At<String>>>>,
        /// No error is of one of these classes
        never: Option<At<Vec<At<String>>>>,
        /// At least one error is of each of these classes
        some: Option<At<Vec<At<String>>>>,
    }

    /// A duration is the most that the quantile may be
    pub(super) Quantiles("`latency`") {
        /// 50 of 100
        p50: Option<At<DurationBounds>>,
        /// 90 of 100
        p90: Option<At<DurationBounds>>,
        /// 99 of 100
        p99: Option<At<DurationBounds>>,
        /// All
        max: Option<At<DurationBounds>>,
    }
}

/// The most, or bounds
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum DurationBounds {
    /// At most this
    AtMost(Exact<Duration>),
    /// Bounds
    Bounds(Durations),
}

impl Read for DurationBounds {
    const EXPECTED: &'static str = "a duration, or bounds";
    const REMEDY: &'static str =
        r#"write "50ms", which is the most, or { at_least = "10ms", at_most = "50ms" }"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_table() {
            Durations::read(value, problems).map(Self::Bounds)
        } else if value.get_ref().is_str() {
            Exact::read(value, problems).map(Self::AtMost)
        } else {
            wrong_type::<Self, _>(value, problems)
        }
    }
}
