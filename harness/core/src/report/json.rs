//! A run as one JSON object, always with the same keys in the same order.

use serde_json::{Value, json};

use super::RunSummary;
use crate::custom::Section;
use crate::statistics::{FaultStatistics, Incident, Quantiles, Statistics, WorkloadStatistics};
use crate::verdict::{Judged, Verdict};

/// The object. Keys of times include the unit. A latency without measurements is `null`, as is the `counterexample` of a
/// judgement that held. `replay` is present if something was violated.
#[must_use]
pub fn json(summary: &RunSummary, statistics: &Statistics, verdict: &Verdict) -> Value {
    let replay = (!verdict.held()).then_some(&summary.replay);
    let mut report = json!({
        "seed": summary.seed,
        "scenario": summary.scenario,
        "file": summary.file,
        "topology": summary.topology,
        "engine": summary.engine,
        "verdict": if verdict.held() { "held" } else { "broken" },
        "replay": replay,
        "virtual_ms": millis(summary.virtual_time),
        "wall_ms": millis(summary.wall_time),
        "digest": summary.digest,
        "workloads": statistics.workloads.iter().map(workload).collect::<Vec<_>>(),
        "faults": statistics.faults.iter().map(fault).collect::<Vec<_>>(),
    });
    // Between general statistics and user-defined sections: the order of keys is part of the format.
    for section in &statistics.systems {
        report[section.key] = section.value.clone();
    }
    report["sections"] = statistics.sections.iter().map(section).collect();
    report["incidents"] = statistics
        .incidents
        .iter()
        .map(|it| incident(it, summary))
        .collect();
    report["vacuous"] = json!(statistics.vacuous);
    report["expectations"] = verdict.expectations.iter().map(expectation).collect();
    report["oracles"] = verdict.oracles.iter().map(oracle).collect();
    report
}

/// A list of objects, under the section's first heading.
fn section(section: &Section) -> Value {
    let rows = section.rows.iter().map(|row| {
        let cells = section.headings.iter().zip(row);
        let cells = cells.map(|(heading, cell)| (heading.clone(), Value::from(cell.as_str())));
        Value::Object(cells.collect())
    });
    json!({ "name": section.headings.first(), "rows": rows.collect::<Vec<_>>() })
}

fn fault(fault: &FaultStatistics) -> Value {
    let mut value = json!({
        "name": fault.name,
        "text": fault.text,
        "started_us": fault.started.map(micros),
        "ended_us": fault.ended.map(micros),
        "touched": {
            "calls": fault.calls,
            "segments_lost": fault.lost,
            "segments_held": fault.held,
            "segments_delayed": fault.delayed,
            "segments_dropped": fault.dropped,
            "connects_refused": fault.refused,
            "connections_reset": fault.reset,
        },
    });
    for own in &fault.own {
        value["touched"][own.key] = own.count.into();
    }
    value
}

fn incident(incident: &Incident, summary: &RunSummary) -> Value {
    let panics = |message: &str| -> Vec<Value> {
        let sites = summary.panics_of(message);
        sites
            .map(|site| json!({ "at": site.location, "backtrace": site.backtrace() }))
            .collect()
    };
    match incident {
        Incident::HostFailed { host, at, error } => {
            json!({ "kind": "host", "host": host, "count": 1, "at_us": micros(*at), "message": error })
        }
        Incident::Panicked {
            host,
            tasks,
            at,
            message,
        } => json!({
            "kind": "task_panic",
            "host": host,
            "count": tasks,
            "at_us": micros(*at),
            "message": message,
            "places": panics(message),
        }),
        Incident::HandlersPanicked {
            host,
            handlers,
            at,
            message,
        } => json!({
            "kind": "handler_panic",
            "host": host,
            "count": handlers,
            "at_us": micros(*at),
            "message": message,
            "places": panics(message),
        }),
        Incident::Stray { host, tasks, place } => {
            json!({ "kind": "stray", "host": host, "count": tasks, "place": place })
        }
        Incident::Escaped {
            host,
            times,
            at,
            what,
            place,
        } => json!({
            "kind": "escape",
            "host": host,
            "count": times,
            "at_us": micros(*at),
            "message": what,
            "place": place,
        }),
    }
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

fn quantile(workload: &WorkloadStatistics, which: impl Fn(&Quantiles) -> u64) -> Value {
    workload.latency.as_ref().map(which).map_or(Value::Null, micros)
}

fn expectation(judged: &Judged) -> Value {
    json!({
        "text": judged.text,
        "held": judged.held,
        "value": judged.value,
        "counterexample": counterexample(judged),
    })
}

/// The number of judged things: `null` if violated.
fn oracle(judged: &Judged) -> Value {
    json!({
        "name": judged.name,
        "held": judged.held,
        "judged": judged.judged,
        "counterexample": counterexample(judged),
    })
}

/// The measurement as text, and the first violation.
fn counterexample(judged: &Judged) -> Value {
    if judged.held {
        return Value::Null;
    }
    let first = judged.counterexample.as_ref().map(|first| {
        json!({
            "at_us": micros(first.at),
            "call": first.call,
            "from": first.from,
            "to": first.to,
            "what": first.what,
            "touched_by": first.touched_by,
        })
    });
    json!({ "measured": judged.measured, "first": first })
}

/// Microseconds: an integer if possible, with decimals otherwise.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to a hundred days, and only shown"
)]
pub fn micros(nanos: u64) -> Value {
    if nanos.is_multiple_of(1_000) {
        Value::from(nanos / 1_000)
    } else {
        Value::from(nanos as f64 / 1_000.0)
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
