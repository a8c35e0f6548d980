//! Converts the raw latency to a distribution.

use std::time::Duration;

use super::raw::latency::{Latency as Raw, Spread};
use super::read::At;
use super::report::{Problem, Problems};
use super::value::Exact;
use crate::draw::Ranged;
use crate::plan;
use crate::scenario::Latency;
use crate::units::Unit;

/// A latency with nothing to draw.
pub fn exact(raw: &At<Raw<Exact<Duration>>>, problems: &mut Problems) -> Option<plan::Latency> {
    Some(match resolve(raw, |exact| Ranged::exactly(exact.0), problems)? {
        Latency::Constant(latency) => plan::Latency::Constant(latency.min),
        Latency::Uniform { min, max } => plan::Latency::Uniform {
            min: min.min,
            max: max.min,
        },
        Latency::LogNormal { median, p99 } => plan::Latency::LogNormal {
            median: median.min,
            p99: p99.min,
        },
    })
}

/// A latency whose parameters may be ranges.
pub(crate) fn ranged(raw: &At<Raw<Ranged<Duration>>>, problems: &mut Problems) -> Option<Latency> {
    resolve(raw, |range| *range, problems)
}

fn resolve<T>(
    raw: &At<Raw<T>>,
    range: impl Fn(&T) -> Ranged<Duration>,
    problems: &mut Problems,
) -> Option<Latency> {
    let spread = match &raw.value {
        Raw::Constant(latency) => return Some(Latency::Constant(range(latency))),
        Raw::Spread(spread) => spread,
    };
    let ((low_key, low), (high_key, high), latency) = match &**spread {
        Spread {
            min: Some(min),
            max: Some(max),
            median: None,
            p99: None,
        } => {
            let latency = Latency::Uniform {
                min: range(min),
                max: range(max),
            };
            (("min", min), ("max", max), latency)
        }
        Spread {
            min: None,
            max: None,
            median: Some(median),
            p99: Some(p99),
        } => {
            let latency = Latency::LogNormal {
                median: range(median),
                p99: range(p99),
            };
            (("median", median), ("p99", p99), latency)
        }
        _ => {
            let problem = Problem::new("this is not a distribution of latency")
                .at(
                    &raw.span,
                    "expected both `min` and `max`, or both `median` and `p99`",
                )
                .help(r#"write { min = "1ms", max = "3ms" } or { median = "2ms", p99 = "9ms" }"#);
            problems.add_missing(problem);
            return None;
        }
    };
    if low_key == "median" && range(low).min.is_zero() {
        let problem = Problem::new("`median` is 0")
            .at(&low.span, "expected more than 0")
            .help("a log-normal distribution is of positive values; write \"0s\" for a link without latency");
        problems.add(problem);
        return None;
    }
    if range(high).min < range(low).max {
        let problem = Problem::new(format!("`{high_key}` may be below `{low_key}`"))
            .at(&high.span, format!("at least {}", range(high).min.say()))
            .at(&low.span, format!("at most {}", range(low).max.say()))
            .help(format!(
                "`{high_key}` must not be less than `{low_key}`, for any seed"
            ));
        problems.add(problem);
        return None;
    }
    Some(latency)
}
