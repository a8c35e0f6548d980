//! Cross-module latency, in virtual time: exact, so that a build can be gated on it.
//!
//! Per ordered pair of modules, the latency that senders measured for hops that ended ok. Executions within one module
//! are listed separately: they measure components, not the network.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::json::micros;
use super::table::{Side, Table};
use crate::oracle::Run;
use crate::statistics::Quantiles;
use crate::time;

/// The latencies of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bench {
    /// Between modules, and between services with recording layers, sorted by name.
    pub pairs: Vec<Row>,
    /// Executions without a hop, by module, sorted by name.
    pub local: Vec<Row>,
}

/// The latencies of one ordered pair of modules. Nanoseconds of virtual time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The sender.
    pub source: String,
    /// The receiver; the same as `source` for local executions.
    pub target: String,
    /// How many ended ok.
    pub count: u64,
    /// Rounded down to a whole nanosecond.
    pub mean: u64,
    /// Exact.
    pub quantiles: Quantiles,
}

type Samples<'j> = IndexMap<(&'j str, &'j str), Vec<u64>>;

impl Bench {
    /// Measures a run.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Self {
        let mut pairs = Samples::new();
        for (_, hop) in run.calls.hops().filter(|(_, hop)| hop.is_ok()) {
            let Some(end) = hop.end else { continue };
            let took = end.moment.at.saturating_sub(hop.started.at);
            pairs
                .entry((hop.source_module, hop.target_module))
                .or_default()
                .push(took);
        }
        for rpc in run.calls.rpcs.iter().filter(|rpc| rpc.is_ok()) {
            let Some((ended, _)) = rpc.end else { continue };
            let took = ended.at.saturating_sub(rpc.started.at);
            let pair = (
                run.plan.topology.group_of(rpc.host),
                run.plan.topology.group_of(rpc.target()),
            );
            pairs.entry(pair).or_default().push(took);
        }
        let mut local = Samples::new();
        for (_, execution) in run.calls.executions().filter(|(_, it)| !it.remote && it.is_ok()) {
            let Some(end) = execution.end else { continue };
            let took = end.moment.at.saturating_sub(execution.started.at);
            local
                .entry((execution.module, execution.module))
                .or_default()
                .push(took);
        }
        Bench {
            pairs: rows(pairs),
            local: rows(local),
        }
    }

    /// A text table. It ends with a line break.
    #[must_use]
    pub fn text(&self) -> String {
        let (l, r) = (Side::Left, Side::Right);
        let mut table = Table::new(&[l, l, r, r, r, r, r, r]);
        table.row(["from", "to", "count", "mean", "p50", "p90", "p99", "max"]);
        for row in &self.pairs {
            table.row(cells(row, &row.target));
        }
        for row in &self.local {
            table.row(cells(row, "(local)"));
        }
        table.lines().iter().map(|line| format!(" {line}\n")).collect()
    }

    /// The same as JSON. Microseconds.
    #[must_use]
    pub fn json(&self) -> Value {
        let pairs = self.pairs.iter().map(|row| {
            json!({
                "from": row.source,
                "to": row.target,
                "count": row.count,
                "latency_us": latency(row),
            })
        });
        let local = self
            .local
            .iter()
            .map(|row| json!({ "module": row.source, "count": row.count, "latency_us": latency(row) }));
        json!({ "pairs": pairs.collect::<Vec<_>>(), "local": local.collect::<Vec<_>>() })
    }
}

fn rows(mut samples: Samples<'_>) -> Vec<Row> {
    samples.sort_unstable_keys();
    let row = |((source, target), mut samples): ((&str, &str), Vec<u64>)| {
        let quantiles = Quantiles::of(&mut samples)?;
        let sum: u128 = samples.iter().map(|sample| u128::from(*sample)).sum();
        let mean = sum / samples.len() as u128;
        Some(Row {
            source: source.to_owned(),
            target: target.to_owned(),
            count: samples.len() as u64,
            mean: u64::try_from(mean).expect("a mean is not above the maximum"),
            quantiles,
        })
    };
    samples.into_iter().filter_map(row).collect()
}

fn cells(row: &Row, target: &str) -> [String; 8] {
    let Quantiles { p50, p90, p99, max } = row.quantiles;
    let [mean, p50, p90, p99, max] = [row.mean, p50, p90, p99, max].map(time::measured);
    [
        row.source.clone(),
        target.to_owned(),
        row.count.to_string(),
        mean,
        p50,
        p90,
        p99,
        max,
    ]
}

fn latency(row: &Row) -> Value {
    let Quantiles { p50, p90, p99, max } = row.quantiles;
    json!({
        "mean": micros(row.mean),
        "p50": micros(p50),
        "p90": micros(p90),
        "p99": micros(p99),
        "max": micros(max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MS, S, Script};

    fn bench() -> Bench {
        let mut script = Script::new();
        script
            .at(S)
            .chain_of(1, 2 * MS)
            .at(2 * S)
            .chain_of(2, 3 * MS + 1)
            .at(3 * S)
            .timed_out(3);
        script.at(4 * S).unavailable(4).at(5 * S).local(5);
        let (plan, journal) = script.finish();
        Bench::of(&Run::of(&plan, &journal))
    }

    #[test]
    fn latency_is_that_of_hops_that_ended_ok_by_ordered_pair() {
        let bench = bench();
        let [store, back] = &bench.pairs[..] else {
            panic!("two pairs: {:?}", bench.pairs)
        };
        assert_eq!(
            (store.source.as_str(), store.target.as_str(), store.count),
            ("back", "store", 2)
        );
        assert_eq!(
            (store.quantiles.p50, store.quantiles.max, store.mean),
            (5 * MS, 7 * MS + 2, 6 * MS + 1)
        );
        assert_eq!(
            (back.source.as_str(), back.target.as_str(), back.count),
            ("front", "back", 2)
        );
        assert_eq!(back.quantiles.max, 13 * MS + 4);
    }

    #[test]
    fn what_a_module_does_within_itself_is_kept_apart() {
        let bench = bench();
        assert_eq!(bench.local.len(), 1);
        assert_eq!(
            (bench.local[0].source.as_str(), bench.local[0].mean),
            ("front", MS)
        );
    }

    #[test]
    fn the_table_has_one_line_for_each_pair() {
        assert_eq!(
            bench().text(),
            " from    to       count     mean      p50      p90      p99      max\n \
             back    store        2  6.00 ms  5.00 ms  7.00 ms  7.00 ms  7.00 ms\n \
             front   back         2  11.0 ms  9.00 ms  13.0 ms  13.0 ms  13.0 ms\n \
             front   (local)      1  1.00 ms  1.00 ms  1.00 ms  1.00 ms  1.00 ms\n"
        );
    }

    #[test]
    fn the_object_is_exact() {
        let json = bench().json();
        assert_eq!(json["pairs"][0]["latency_us"]["max"], json!(7000.002));
        assert_eq!(json["pairs"][0]["latency_us"]["p50"], json!(5000));
        assert_eq!(json["local"][0]["module"], json!("front"));
    }
}
