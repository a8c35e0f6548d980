//! Managers and providers in the simulator: what a run of theirs leaves behind.

use std::sync::Arc;

use squall::file::{self, ComponentNames};
use squall::journal::{ProviderEvent, lines};
use squall::report::bench::Bench;
use squall::{Harness, Run, oracle};

const TOPOLOGY: &str = r#"
name = "fleet"
[manager.engine]
call_timeout = "1s"
[provider.ml]
manager = "engine"
namespace = "ml"
group = "pool"
replicas = 2
[provider.ml.module.Analyze]
input = { text = "String" }
output = { sentiment = "Float" }
"#;

const CALLS: &str = r#"
name = "test"
topology = "-"
duration = "20s"
[[workload]]
name = "calls"
from = "engine"
call = "ml.Analyze"
input = { text = "call {call}" }
rate = "50/s"
"#;

/// A run of calls of a module whose handler is this, with more of a scenario.
fn run(handler: &str, rest: &str) -> Run {
    run_with(7, handler, rest)
}

fn run_with(seed: u64, handler: &str, rest: &str) -> Run {
    let topology = format!("{TOPOLOGY}handler = {handler}\n");
    let topology = file::topology_from_str("topology.toml", &topology, &ComponentNames::built_in())
        .unwrap_or_else(|report| panic!("{report}"));
    let scenario = file::scenario_from_str("scenario.toml", &format!("{CALLS}{rest}"), Arc::new(topology))
        .unwrap_or_else(|report| panic!("{report}"));
    Harness::new()
        .run(scenario.plan(Some(seed)))
        .expect("it comes to its end")
}

const FIXED: &str = "{ kind = \"fixed\", output = { sentiment = 0.5 }, delay = \"5ms\" }";

#[test]
fn the_whole_life_of_a_provider_is_in_the_journal_and_is_read_back_as_it_was() {
    let faults = "[[fault]]\nat = \"5s\"\nfor = \"3s\"\nheartbeat_loss = { provider = \"ml-0\" }\n\
                  [[fault]]\nat = \"5s\"\nfor = \"3s\"\nheartbeat_loss = { provider = \"ml-1\", acks = true }\n\
                  [[fault]]\nat = \"10s\"\ndrain_provider = { provider = \"ml-0\" }\n\
                  [[fault]]\nat = \"10s\"\ncanary = { provider = \"ml-1\", version = \"2\", observation_window = \"2s\" }\n";
    let run = run(FIXED, faults);
    let mut written = Vec::new();
    lines::write(&run.journal, &mut written).unwrap();
    let read = lines::read(&written[..]).unwrap();
    assert_eq!(read.entries, run.journal.entries);
    let said = |is: fn(&ProviderEvent) -> bool| {
        let mut events = run.journal.entries.iter().filter_map(|entry| entry.event.get());
        events.any(is)
    };
    use ProviderEvent as E;
    assert!(said(|it| matches!(it, E::Registered { .. })));
    assert!(said(
        |it| matches!(it, E::State { state, .. } if &**state == "draining")
    ));
    assert!(said(
        |it| matches!(it, E::State { state, .. } if &**state == "deregistered")
    ));
    assert!(said(|it| matches!(it, E::InstanceState { .. })));
    assert!(said(|it| matches!(it, E::HeartbeatSent { .. })));
    assert!(said(|it| matches!(it, E::HeartbeatReceived { .. })));
    assert!(said(|it| matches!(it, E::HeartbeatSuppressed { .. })));
    assert!(said(|it| matches!(it, E::AckSuppressed { .. })));
    assert!(said(|it| matches!(it, E::ExecuteStarted { .. })));
    assert!(said(|it| matches!(it, E::ExecuteEnded { .. })));
    assert!(said(|it| matches!(it, E::ExecutionStarted { .. })));
    assert!(said(|it| matches!(it, E::ExecutionEnded { .. })));
    assert!(said(|it| matches!(it, E::CanaryStep { .. })));
    assert!(said(|it| matches!(it, E::CanaryEnded { .. })));
    run.assert_held();
}

#[test]
fn a_call_has_its_attempt_as_a_hop_and_the_execution_at_its_other_end() {
    let run = run(FIXED, "");
    let evidence = oracle::Run::of(&run.plan, &run.journal);
    for call in evidence.calls.iter() {
        let [hop] = &call.hops[..] else {
            panic!("call {} has {} hops", call.number, call.hops.len())
        };
        let execution = evidence.calls.execution(hop.span).expect("it was executed");
        assert_eq!(
            (hop.to, hop.host, Some(execution.host)),
            ("ml.Analyze", "engine", hop.peer_host())
        );
        assert_eq!((call.sent, hop.sent), (hop.sent, execution.received));
    }
    let bench = Bench::of(&evidence);
    let pairs: Vec<_> = bench
        .pairs
        .iter()
        .map(|row| (row.source.as_str(), row.target.as_str(), row.count))
        .collect();
    assert_eq!(pairs, [("engine", "ml", 1000)]);
}

#[test]
fn handlers_fail_as_often_as_they_should_and_when() {
    let failed = |handler: &str| run(handler, "").judge().statistics().workloads[0].failed;
    let now_and_then = failed("{ kind = \"fixed\", output = { sentiment = 0.5 }, errors = \"10%\" }");
    assert!((70..130).contains(&now_and_then), "{now_and_then} of 1000");
    let at_bad_times = failed(
        "{ kind = \"fixed\", output = { sentiment = 0.5 }, flaky = { ok = \"4s\", failing = \"1s\" } }",
    );
    assert!(
        (195..206).contains(&at_bad_times),
        "{at_bad_times} of 1000: a second of five"
    );
    assert_eq!(failed("{ kind = \"error\" }"), 1000);
}

#[test]
fn the_same_seed_makes_the_same_run_and_another_one_another() {
    let delays = "{ kind = \"fixed\", output = { sentiment = 0.5 }, delay = { median = \"5ms\", p99 = \"50ms\" }, errors = \"5%\" }";
    let digest = |seed| run_with(seed, delays, "").digest;
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
