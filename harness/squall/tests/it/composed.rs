//! Faults compose: whichever two overlap, in whichever order they end, afterwards all is as it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use squall::Harness;
use squall::components::Components;
use squall::file::{Kind, scenario_from_str};
use squall::journal::{Event, Outcome};
use squall::plan::{Fault, Plan, Topology};
use squall::schema::schema;

use crate::support::topology_with;

const TOPOLOGY: &str = r#"
name = "both systems"
[network]
latency = "2ms"
[module.front]
[module.back.node.n]
component = "echo"
[manager.engine]
[provider.ml]
manager = "engine"
namespace = "ml"
group = "pool"
replicas = 2
[provider.ml.module.Analyze]
input = { text = "String" }
output = { sentiment = "Float" }
handler = { kind = "fixed", output = { sentiment = 0.5 } }
[provider.spare]
manager = "engine"
namespace = "spare"
[provider.spare.module.Wait]
input = { text = "String" }
output = { sentiment = "Float" }
handler = { kind = "fixed", output = { sentiment = 0.5 } }
"#;

const SCENARIO: &str = r#"
name = "two faults"
topology = "-"
duration = "75s"
[[workload]]
name = "messages"
from = "front"
to = "n.in"
rate = "5/s"
[[workload]]
name = "calls"
from = "engine"
call = "ml.Analyze"
input = { text = "call {call}" }
rate = "5/s"
[[expect]]
workload = "messages"
from = "60s"
calls = { at_least = 75 }
[[expect]]
workload = "messages"
from = "60s"
success_rate = { at_least = 1.0 }
[[expect]]
workload = "calls"
from = "60s"
success_rate = { at_least = 1.0 }
"#;

/// One of each kind that a file can say. All strike the same few hosts, so that any two meet.
const KINDS: [(&str, &str); 23] = [
    ("partition", "{ isolate = [\"back\", \"ml-0\"] }"),
    ("latency", "{ between = \"back\", and = \"*\", add = \"300ms\" }"),
    ("loss", "{ between = \"back\", and = \"*\", ratio = \"30%\" }"),
    (
        "bandwidth",
        "{ between = \"back\", and = \"*\", rate = \"20kbit/s\" }",
    ),
    ("hold", "{ between = [\"back\", \"ml-0\"], and = \"*\" }"),
    ("reset", "{ between = [\"back\", \"engine\"], and = \"*\" }"),
    ("refuse", "{ hosts = [\"back\", \"engine\"] }"),
    ("blackhole", "{ hosts = [\"back\", \"engine\"] }"),
    ("kill", "{ hosts = [\"back\", \"ml-0\"] }"),
    ("crash", "{ hosts = [\"back\", \"ml-0\"] }"),
    ("restart", "{ hosts = [\"back\", \"ml-0\"], down = \"3s\" }"),
    ("pause", "{ hosts = [\"back\", \"ml-0\"] }"),
    ("clock", "{ hosts = [\"back\", \"engine\"], behind = \"1h\" }"),
    ("drain", "{ hosts = \"back\", grace = \"1s\" }"),
    ("remove", "{ node = \"n\" }"),
    ("move", "{ node = \"n\", to = \"front\" }"),
    ("close", "{ node = \"n\" }"),
    ("announce", "{ module = \"back\", late = \"1s\" }"),
    ("heartbeat_loss", "{ provider = \"ml-0\" }"),
    ("drain_provider", "{ provider = \"spare\" }"),
    (
        "canary",
        "{ provider = \"ml-0\", version = \"2\", observation_window = \"3s\" }",
    ),
    ("name_failure", "{ hosts = [\"back\", \"engine\"], stale = true }"),
    ("slow", "{ hosts = [\"back\", \"ml-0\"], per_poll = \"3ms\" }"),
];

fn topology(harness: &Harness) -> Arc<Topology> {
    Arc::new(topology_with(TOPOLOGY, &harness.component_names()))
}

fn plan(topology: &Arc<Topology>, fault: &str) -> Plan {
    let text = format!("{SCENARIO}{fault}");
    let scenario = scenario_from_str("two.toml", &text, topology.clone());
    scenario.unwrap_or_else(|report| panic!("{report}")).plan(None)
}

/// The fault of this kind, by itself: of a file with both it would be told that they cannot meet.
fn fault(topology: &Arc<Topology>, (key, value): (&str, &str), at: Duration, lasts: Duration) -> Fault {
    let lasts = match key {
        "restart" | "reset" | "drain_provider" | "canary" => String::new(),
        _ => format!("for = \"{}ms\"\n", lasts.as_millis()),
    };
    let text = format!(
        "[[fault]]\nat = \"{}ms\"\n{lasts}{key} = {value}\n",
        at.as_millis()
    );
    plan(topology, &text).faults.remove(0)
}

#[test]
fn every_kind_of_fault_is_composed() {
    let schema = schema(Kind::Scenario, &Components::builtin());
    let keys = schema["definitions"]["Fault"]["properties"].as_object();
    let keys = keys.expect("a scenario has faults").keys().map(String::as_str);
    let mut keys: BTreeSet<&str> = keys.collect();
    for common in ["name", "at", "for"] {
        assert!(keys.remove(common));
    }
    assert_eq!(
        KINDS.map(|(key, _)| key).into_iter().collect::<BTreeSet<_>>(),
        keys
    );
}

#[test]
fn two_that_are_undone_twice_would_be_noticed() {
    // The same system, where one fault does not end: what is asked for is not met.
    let harness = Harness::new();
    let topology = topology(&harness);
    let plan = plan(
        &topology,
        "[[fault]]\nat = \"10s\"\nkill = { hosts = \"back\" }\n",
    );
    assert!(!harness.run(plan).expect("the run ends").judge().held());
}

/// What keeps every message from arriving for as long as it lasts.
const STOPPING: [&str; 8] = [
    "partition",
    "hold",
    "kill",
    "crash",
    "pause",
    "remove",
    "close",
    "announce",
];

#[test]
fn what_ends_first_does_not_end_what_goes_on() {
    let harness = Harness::new();
    let topology = topology(&harness);
    let of = |key: &str| *KINDS.iter().find(|(it, _)| *it == key).expect("it is a kind");
    let seconds = Duration::from_secs;
    for key in STOPPING {
        for (inner, _) in KINDS {
            let mut plan = plan(&topology, "");
            plan.expectations.clear();
            plan.workloads.truncate(1);
            plan.workloads[0].timeout = Some(seconds(1));
            plan.duration = seconds(25);
            plan.workloads[0].end = seconds(25);
            plan.faults
                .push(fault(&topology, of(key), seconds(10), seconds(10)));
            plan.faults
                .push(fault(&topology, of(inner), seconds(12), seconds(2)));
            let run = harness.run(plan).expect("the run ends");
            // A restart is over at 15 s, and late news have come by then.
            let (mut calls, mut ok) = (0, 0);
            for entry in &run.journal.entries {
                let is_within = (16_000_000_000..18_500_000_000_u64).contains(&entry.at);
                match &entry.event {
                    Event::CallStarted { .. } if is_within => calls += 1,
                    Event::CallEnded {
                        outcome: Outcome::Ok, ..
                    } if is_within => ok += 1,
                    _ => {}
                }
            }
            assert_eq!(
                (calls >= 10, ok),
                (true, 0),
                "{inner} within {key}: {calls} calls"
            );
        }
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 80,
        rng_seed: RngSeed::Fixed(20_260_102),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whichever_two_overlap_all_is_as_it_was_afterwards(
        one in prop::sample::select(&KINDS[..]),
        other in prop::sample::select(&KINDS[..]),
        later in 0..6_000_u64,
        lasts in 500..9_000_u64,
    ) {
        let harness = Harness::new();
        let topology = topology(&harness);
        let mut plan = plan(&topology, "");
        let at = Duration::from_secs(10);
        plan.faults.push(fault(&topology, one, at, Duration::from_secs(6)));
        let lasts = Duration::from_millis(lasts);
        plan.faults.push(fault(&topology, other, at + Duration::from_millis(later), lasts));
        plan.faults[1].name = "#2".into();
        harness.run(plan).expect("the run ends").assert_held();
    }
}
