//! The report section about providers.

use serde_json::{Value, json};
use squall_core::oracle::Run;
use squall_core::report::table::{Side, Table};
use squall_core::report::{SystemSection, micros};
use squall_core::time;

use super::ProviderStatistics;

/// The maximum number of departures shown per provider: with a flapping link there are many.
const LEAVINGS_SHOWN: usize = 2;

/// The section of a run.
pub fn section(run: &Run<'_>) -> SystemSection {
    let providers = ProviderStatistics::of(run);
    SystemSection {
        key: "providers",
        lines: if providers.is_empty() {
            Vec::new()
        } else {
            table(&providers)
        },
        value: providers.iter().map(value).collect(),
    }
}

/// One line per host.
fn table(providers: &[ProviderStatistics]) -> Vec<String> {
    let [l, r] = [Side::Left, Side::Right];
    let mut table = Table::new(&[l, r, r, r, r, l]);
    table.row(["provider", "registered", "rejected", "heartbeats", "executed"]);
    for provider in providers {
        let counts = [
            provider.registered,
            provider.rejected,
            provider.heartbeats,
            provider.executed,
        ];
        let cells = [provider.host.clone()].into_iter();
        let cells = cells.chain(counts.map(|count| count.to_string()));
        table.row(cells.chain([fate(provider)]));
    }
    table.lines()
}

/// `left at 30.018 s (heartbeat timeout)`
fn fate(provider: &ProviderStatistics) -> String {
    let shown = provider.left.iter().take(LEAVINGS_SHOWN);
    let mut parts: Vec<String> = shown
        .map(|(at, cause)| format!("left at {} ({cause})", time::instant(*at)))
        .collect();
    let more = provider.left.len().saturating_sub(LEAVINGS_SHOWN);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    if !provider.rejection.is_empty() {
        parts.push(format!("rejected: {}", provider.rejection));
    }
    parts.join(", ")
}

fn value(provider: &ProviderStatistics) -> Value {
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
