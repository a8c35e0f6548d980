//! Live traffic as a table: rate, mean, p99 and errors per ordered pair of modules. Spec: router S-40.

use std::time::Duration;

use super::{Latency, Quantile, Sample};
use crate::report::table::{Side, Table};
use crate::time;

/// A table of `sample`, with rates if the sampling time is known. Calls within a module are listed separately. Ends
/// with a line break.
#[must_use]
pub fn table(sample: &Sample, took: Option<Duration>) -> String {
    let (l, r) = (Side::Left, Side::Right);
    let mut table = Table::new(&[l, l, r, r, r, r, l]);
    table.row(["from", "to", "calls", "rate", "mean", "p99", "errors"]);
    for ((source, target), traffic) in &sample.pairs {
        let errors = traffic
            .statuses
            .iter()
            .filter(|(status, count)| *status != "ok" && **count > 0);
        let errors: Vec<_> = errors
            .map(|(status, count)| format!("{status} {count}"))
            .collect();
        let target = match target.as_str() {
            "" => "(nobody)",
            target => target,
        };
        table.row(cells(
            source,
            target,
            traffic.calls(),
            took,
            &traffic.latency,
            errors.join(", "),
        ));
    }
    for (module, latency) in &sample.local {
        table.row(cells(
            module,
            "(local)",
            latency.count,
            took,
            latency,
            String::new(),
        ));
    }
    table.lines().iter().map(|line| format!(" {line}\n")).collect()
}

fn cells(
    source: &str,
    target: &str,
    calls: u64,
    took: Option<Duration>,
    latency: &Latency,
    errors: String,
) -> [String; 7] {
    let rate = match took.map(|took| took.as_secs_f64()) {
        Some(seconds) if seconds > 0.0 => format!("{:.1}/s", calls as f64 / seconds),
        _ => String::new(),
    };
    let p99 = match latency.quantile(0.99) {
        None => "-".to_owned(),
        Some(Quantile::About(value)) => seconds(value),
        Some(Quantile::Above(value)) => format!("> {}", seconds(value)),
    };
    [
        source.to_owned(),
        target.to_owned(),
        calls.to_string(),
        rate,
        latency.mean().map_or_else(|| "-".to_owned(), seconds),
        p99,
        errors,
    ]
}

fn seconds(value: f64) -> String {
    time::measured((value * 1e9) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
tinysystems_cross_module_calls_total{source_module="front",target_module="",status="error"} 1
tinysystems_cross_module_calls_total{source_module="front",target_module="back",status="ok"} 18
tinysystems_cross_module_calls_total{source_module="front",target_module="back",status="timeout"} 2
tinysystems_cross_module_latency_seconds_sum{source_module="front",target_module="back"} 2.0
tinysystems_cross_module_latency_seconds_count{source_module="front",target_module="back"} 20
tinysystems_cross_module_latency_seconds_bucket{le="0.1",source_module="front",target_module="back"} 18
tinysystems_cross_module_latency_seconds_bucket{le="+Inf",source_module="front",target_module="back"} 20
tinysystems_in_module_latency_seconds_sum{module="front"} 0.02
tinysystems_in_module_latency_seconds_count{module="front"} 4
tinysystems_in_module_latency_seconds_bucket{le="0.01",module="front"} 4
tinysystems_in_module_latency_seconds_bucket{le="+Inf",module="front"} 4
"#;

    #[test]
    fn there_is_a_line_for_each_pair_and_local_calls_are_apart() {
        let sample: Sample = TEXT.parse().unwrap();
        assert_eq!(
            table(&sample, Some(Duration::from_secs(10))),
            " from    to        calls   rate     mean       p99   errors\n \
             front   (nobody)      1  0.1/s        -         -   error 1\n \
             front   back         20  2.0/s   100 ms  > 100 ms   timeout 2\n \
             front   (local)       4  0.4/s  5.00 ms   9.90 ms\n"
        );
        assert!(!table(&sample, None).contains("/s"), "no rate without a time");
    }
}
