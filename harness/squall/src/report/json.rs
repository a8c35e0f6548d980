//! A run as one JSON object, always with the same keys in the same order.

use serde_json::{Map, Value, json};

use super::RunSummary;
use crate::statistics::{ProviderStatistics, Quantiles, Statistics, WorkloadStatistics};
use crate::verdict::{Judged, Verdict};

/// The object. Times have their unit in their key; a latency that nothing was measured for is `null`. A
/// `counterexample` is `null` when the judgment held.
#[must_use]
pub fn json(summary: &RunSummary, statistics: &Statistics, verdict: &Verdict) -> Value {
    json!({
        "scenario": summary.scenario,
        "topology": summary.topology,
        "seed": summary.seed,
        "verdict": if verdict.held() { "held" } else { "broken" },
        "virtual_ms": millis(summary.virtual_time),
        "wall_ms": millis(summary.wall_time),
        "digest": summary.digest,
        "workloads": statistics.workloads.iter().map(workload).collect::<Vec<_>>(),
        "providers": statistics.providers.iter().map(provider).collect::<Vec<_>>(),
        "expectations": judgments(&verdict.expectations, "text", |judged| &judged.text),
        "oracles": oracles(&verdict.oracles),
    })
}

fn workload(workload: &WorkloadStatistics) -> Value {
    json!({
        "name": workload.name,
        "calls": workload.calls,
        "ok": workload.ok,
        "failed": workload.failed,
        "unknown": workload.unknown,
        "errors": workload.errors,
        "latency_us": {
            "p50": quantile(workload, |latency| latency.p50),
            "p90": quantile(workload, |latency| latency.p90),
            "p99": quantile(workload, |latency| latency.p99),
            "max": quantile(workload, |latency| latency.max),
        },
    })
}

fn provider(provider: &ProviderStatistics) -> Value {
    let left = provider.left.iter();
    let left = left.map(|(at, cause)| json!({ "at_us": micros(*at), "cause": cause }));
    json!({
        "host": provider.host,
        "registered": provider.registered,
        "rejected": provider.rejected,
        "heartbeats": provider.heartbeats,
        "executed": provider.executed,
        "left": left.collect::<Vec<_>>(),
    })
}

fn quantile(workload: &WorkloadStatistics, which: impl Fn(&Quantiles) -> u64) -> Value {
    workload.latency.as_ref().map(which).map_or(Value::Null, micros)
}

fn judgments(all: &[Judged], key: &str, name: impl Fn(&Judged) -> &String) -> Vec<Value> {
    let value = |judged: &Judged| {
        let mut object = Map::new();
        object.insert(key.to_owned(), Value::from(name(judged).as_str()));
        object.insert("held".to_owned(), Value::from(judged.held));
        object.insert("counterexample".to_owned(), counterexample(judged));
        Value::Object(object)
    };
    all.iter().map(value).collect()
}

/// With how many things each has judged: `null` when it is broken.
fn oracles(all: &[Judged]) -> Vec<Value> {
    let mut objects = judgments(all, "name", |judged| &judged.name);
    for (object, judged) in objects.iter_mut().zip(all) {
        object["judged"] = judged.judged.into();
    }
    objects
}

/// What was measured, and the first call that shows it.
fn counterexample(judged: &Judged) -> Value {
    if judged.held {
        return Value::Null;
    }
    let first = judged
        .counterexample
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    match (judged.measured.as_str(), first.as_str()) {
        ("", first) => Value::from(first),
        (measured, "") => Value::from(measured),
        (measured, first) => Value::from(format!("{measured}; first: {first}")),
    }
}

/// Microseconds: an integer when it is a whole number of them, with decimals when it is not.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to a hundred days, and only shown"
)]
pub(super) fn micros(nanos: u64) -> Value {
    if nanos.is_multiple_of(1_000) {
        Value::from(nanos / 1_000)
    } else {
        Value::from(nanos as f64 / 1_000.0)
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
