//! The alarms work: each oracle of providers tells of a run whose journal says the opposite of its promise, and that oracle
//! alone does.
//!
//! Managers and SDK have no place where a test could stand in their way; so what is broken here is what they say.

use std::sync::Arc;

use squall::file::{self, ComponentNames};
use squall::journal::{Entry, Journal, ProviderEvent};
use squall::{Harness, Run, verdict};

const TOPOLOGY: &str = r#"
name = "fleet"
[manager.east]
[manager.west]
[provider.ml]
managers = ["east", "west"]
namespace = "ml"
group = "pool"
replicas = 2
[provider.ml.module.Analyze]
input = { text = "String" }
output = { sentiment = "Float" }
handler = { kind = "fixed", output = { sentiment = 0.5 }, delay = "5ms" }
"#;

const SCENARIO: &str = r#"
name = "sound"
topology = "-"
duration = "40s"
[[workload]]
name = "calls"
from = ["east", "west"]
call = "ml.Analyze"
input = { text = "call {call}" }
rate = "20/s"
[[fault]]
name = "new"
at = "5s"
canary = { provider = "ml-0", version = "2.0.0", observation_window = "5s" }
[[fault]]
name = "leaves"
at = "30s"
drain_provider = { provider = "ml-1", deadline = "5s" }
"#;

/// A run of which no oracle has anything to say.
fn sound() -> Run {
    let topology = file::topology_from_str("topology.toml", TOPOLOGY, &ComponentNames::built_in())
        .unwrap_or_else(|report| panic!("{report}"));
    let scenario = file::scenario_from_str("scenario.toml", SCENARIO, Arc::new(topology))
        .unwrap_or_else(|report| panic!("{report}"));
    let run = Harness::new()
        .run(scenario.plan(None))
        .expect("it comes to its end");
    run.assert_held();
    run
}

/// What is changed in every line of the journal.
type Change = fn(&mut Entry);

#[test]
fn each_oracle_of_providers_catches_its_opposite_and_no_other_oracle_complains() {
    let run = sound();
    let changes: [(&str, Change); 7] = [
        ("silent provider", deaf_managers),
        ("one owner", groups_of_their_own),
        ("fair", always_the_same),
        ("right provider", somebody_else),
        ("canary", back_or_not),
        ("overtime", in_a_hurry),
        ("drains", told_too_early),
    ];
    for (oracle, change) in changes {
        let mut journal = Journal {
            entries: run.journal.entries.clone(),
        };
        journal.entries.iter_mut().for_each(change);
        let verdict = verdict::judge(&run.plan, &journal);
        let broken: Vec<&str> = verdict
            .oracles
            .iter()
            .filter(|judged| !judged.held)
            .map(|judged| judged.name.as_str())
            .collect();
        assert_eq!(broken, [oracle]);
    }
}

/// From some time on no heartbeat is heard, and nobody does anything about it.
fn deaf_managers(entry: &mut Entry) {
    if entry.at > 10_000_000_000
        && let Some(ProviderEvent::HeartbeatReceived { connection, .. }) = entry.event.get_mut()
    {
        *connection = "of nobody".into();
    }
}

/// Members of one group are accepted as if each had a group of its own.
fn groups_of_their_own(entry: &mut Entry) {
    if let Some(ProviderEvent::Registered { group, executor, .. }) = entry.event.get_mut() {
        *group = executor.clone();
    }
}

/// One member's turns are nobody's: the other seems to have them all.
fn always_the_same(entry: &mut Entry) {
    if let Some(ProviderEvent::ExecuteStarted {
        connection, executor, ..
    }) = entry.event.get_mut()
        && executor.starts_with("ml-0")
    {
        *connection = "of nobody".into();
    }
}

/// What was for one is executed by another.
fn somebody_else(entry: &mut Entry) {
    let is_execution = matches!(
        entry.event.get(),
        Some(ProviderEvent::ExecutionStarted { .. } | ProviderEvent::ExecutionEnded { .. })
    );
    if is_execution && &*entry.host == "ml-1" {
        entry.host = "ml-0".into();
    }
}

/// A canary that was promoted is said to have gone back.
fn back_or_not(entry: &mut Entry) {
    if let Some(ProviderEvent::CanaryEnded { outcome, .. }) = entry.event.get_mut() {
        *outcome = "rolled back".into();
    }
}

/// Modules that take 5 ms are said to have had less.
fn in_a_hurry(entry: &mut Entry) {
    if let Some(ProviderEvent::ExecutionStarted { timeout, .. }) = entry.event.get_mut() {
        *timeout = 1_000_000;
    }
}

/// A member is said to drain a second before it did, and was asked until then.
fn told_too_early(entry: &mut Entry) {
    if let Some(ProviderEvent::State { state, .. }) = entry.event.get()
        && &**state == "draining"
    {
        entry.at -= 1_000_000_000;
    }
}
