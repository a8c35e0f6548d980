//! The report section about actors.

use serde_json::{Value, json};
use squall_core::oracle::Run;
use squall_core::report::SystemSection;
use squall_core::report::table::{Side, Table};

use super::ActorStatistics;

/// The section of a run.
pub fn section(run: &Run<'_>) -> SystemSection {
    let actors = ActorStatistics::of(run);
    SystemSection {
        key: "actors",
        lines: if actors.is_empty() {
            Vec::new()
        } else {
            table(&actors)
        },
        value: actors.iter().map(value).collect(),
    }
}

/// One line per actor.
fn table(actors: &[ActorStatistics]) -> Vec<String> {
    let [l, r] = [Side::Left, Side::Right];
    let mut table = Table::new(&[l, r, r, r, r]);
    table.row(["actor", "spawned", "handled", "rejected", "failed"]);
    for actor in actors {
        let counts = [actor.spawned, actor.handled, actor.rejected, actor.failed];
        let cells = [format!("{}@{}", actor.actor, actor.node)].into_iter();
        table.row(cells.chain(counts.map(|count| count.to_string())));
    }
    table.lines()
}

fn value(actor: &ActorStatistics) -> Value {
    json!({
        "node": actor.node,
        "actor": actor.actor,
        "spawned": actor.spawned,
        "handled": actor.handled,
        "rejected": actor.rejected,
        "failed": actor.failed,
    })
}
