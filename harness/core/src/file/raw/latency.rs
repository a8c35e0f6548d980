//! Latency, in topologies and scenarios.

use schemars::JsonSchema;

use crate::file::read::{At, Read, Value, tables, wrong_type};
use crate::file::report::Problems;

/// How long a segment takes one way: always the same, or a distribution
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Latency<T> {
    /// Always the same
    Constant(T),
    /// A distribution
    Spread(Box<Spread<T>>),
}

tables! {
    /// Either min and max, evenly spread, or median and p99 of a log-normal distribution
    pub Spread<T>("`latency`") {
        /// The shortest
        min: Option<At<T>>,
        /// The longest
        max: Option<At<T>>,
        /// Half of all segments take at most this
        median: Option<At<T>>,
        /// 99 of 100 segments take at most this
        p99: Option<At<T>>,
    }
}

impl<T: Read> Read for Latency<T> {
    const EXPECTED: &'static str = "a latency";
    const REMEDY: &'static str =
        r#"write "2ms", { min = "1ms", max = "3ms" } or { median = "2ms", p99 = "9ms" }"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_table() {
            Spread::read(value, problems).map(Box::new).map(Self::Spread)
        } else if value.get_ref().is_str() {
            T::read(value, problems).map(Self::Constant)
        } else {
            wrong_type::<Self, _>(value, problems)
        }
    }
}
