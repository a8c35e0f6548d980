//! What became of providers, as a table.

use super::table::{Side, Table};
use crate::statistics::ProviderStatistics;
use crate::time;

/// How often a provider's leaving is told: with a link that flaps it leaves again and again.
const LEAVINGS_SHOWN: usize = 2;

/// One line for each host.
pub(super) fn providers(providers: &[ProviderStatistics]) -> Vec<String> {
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
