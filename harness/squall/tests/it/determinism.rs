//! The determinism check: it says so when runs are alike, and where they first differ when they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::topology_with;
use serde_json::json;
use squall::file::scenario_from_str;
use squall::plan::Plan;
use squall::router::{Component, ComponentError, Input, Output, Payload, async_trait};
use squall::{Harness, NoSettings, compare};

const TOPOLOGY: &str = r#"
    name = "leaky"
    [module.caller]
    [module.callee.node.n]
    component = "mine"
"#;

const SCENARIO: &str = r#"
    name = "leak"
    topology = "in this test"
    duration = "2s"
    [[workload]]
    name = "calls"
    from = "caller"
    to = "n.in"
    rate = "10/s"
"#;

fn plan(harness: &Harness) -> Plan {
    let topology = topology_with(TOPOLOGY, &harness.component_names());
    let scenario = scenario_from_str("leak.toml", SCENARIO, Arc::new(topology)).expect("a sound scenario");
    scenario.plan(None)
}

/// Answers with something that must be the same in every run: hash seeds, the time, random numbers.
struct Hermetic;

#[async_trait]
impl Component for Hermetic {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        let names: std::collections::HashSet<u32> = (0..20).collect();
        let order: Vec<_> = names.into_iter().collect();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.expect("after the epoch").as_nanos().to_string();
        Ok(Some(Payload::from_json(&json!({ "order": order, "now": nanos }))))
    }
}

/// A static outlives the run: the second one finds what the first one left.
static LEAK: AtomicU64 = AtomicU64::new(0);

struct Leaky;

#[async_trait]
impl Component for Leaky {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        let before = LEAK.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Payload::from_json(&json!(before))))
    }
}

#[test]
fn hash_seeds_clocks_and_randomness_are_the_runs() {
    let harness = Harness::new().component("mine", |_: NoSettings| Ok(Hermetic));
    let (run, difference) = harness.run_twice(plan(&harness)).expect("both runs end");
    assert!(difference.is_none(), "{}", difference.expect("checked"));
    assert!(run.journal.entries.len() > 50);
}

#[test]
fn a_static_that_leaks_from_run_to_run_is_found_where_it_first_shows() {
    let harness = Harness::new()
        .component("mine", |_: NoSettings| Ok(Leaky))
        .traced();
    let (one, other) = (
        harness.run(plan(&harness)).expect("it ends"),
        harness.run(plan(&harness)).expect("it ends"),
    );
    assert_ne!(one.digest, other.digest);
    let difference = compare(&one, &other).expect("the answers differ");
    // The first call is dialled for 4 ms, until the peer's SETTINGS are there; its request takes 1 ms more: that is when the
    // first answer is made.
    assert_eq!(difference.at, 5_000_000, "{difference}");
    assert!(difference.one.contains("handle_ended"), "{difference}");
}

#[test]
fn another_seed_is_another_run() {
    let harness = Harness::new().component("mine", |_: NoSettings| Ok(Hermetic));
    let mut other = plan(&harness);
    other.seed += 1;
    let (one, other) = (
        harness.run(plan(&harness)).expect("it ends"),
        harness.run(other).expect("it ends"),
    );
    assert_ne!(one.digest, other.digest);
}
