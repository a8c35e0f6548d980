//! What a file says of time is exact: delays of components and handlers, the starts of calls, pauses of clients. What
//! else a call takes is what it takes without the delay, to the nanosecond.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use squall::file::scenario_from_str;
use squall::journal::{Event, Journal};
use squall::plan::EngineKind;
use squall::{Harness, Run};

const SECOND: u64 = 1_000_000_000;
const DELAYS: [(&str, u64); 4] = [
    ("100us", 100_000),
    ("5ms", 5_000_000),
    ("5900us", 5_900_000),
    ("1ns", 1),
];

fn run(topology: &str, workload: &str, engine: EngineKind) -> Run {
    let harness = Harness::new();
    let topology = crate::support::topology_with(topology, &harness.component_names());
    let scenario = format!(
        "name = \"exact\"\ntopology = \"in this test\"\nduration = \"5s\"\n[[workload]]\nname = \"calls\"\n{workload}"
    );
    let scenario = scenario_from_str("exact.toml", &scenario, Arc::new(topology)).expect("a sound scenario");
    let run = harness
        .run(scenario.plan(None).on_engine(engine))
        .expect("the run ends");
    run.assert_held();
    run
}

/// When each call started and ended.
fn calls(journal: &Journal) -> BTreeMap<u64, (u64, u64)> {
    let mut calls = BTreeMap::new();
    for entry in &journal.entries {
        match entry.event {
            Event::CallStarted { call, .. } => {
                calls.insert(call, (entry.at, 0));
            }
            Event::CallEnded { call, .. } => calls.get_mut(&call).expect("it has started").1 = entry.at,
            _ => {}
        }
    }
    calls
}

/// The longest and the shortest time that a call took more than without the delay. The first ones also pay for the
/// connection, and share their segments with what it begins with.
fn added(plain: &Run, delayed: &Run) -> (u64, u64) {
    let (plain, delayed) = (calls(&plain.journal), calls(&delayed.journal));
    assert!(plain.len() > 50 && plain.len() == delayed.len());
    let took = |(start, end): (u64, u64)| end - start;
    let differences = plain
        .iter()
        .skip(5)
        .map(|(call, times)| took(delayed[call]) - took(*times));
    let differences: Vec<u64> = differences.collect();
    (
        differences.iter().copied().max().unwrap_or_default(),
        differences.iter().copied().min().unwrap_or_default(),
    )
}

const LINKS: &str = r#"
    name = "exact"
    [network]
    latency = "2ms"
    [[link]]
    between = ["desk", "archive"]
    latency = "10ms"
    bandwidth = "100 Mbit/s"
"#;

#[test]
fn a_delay_of_a_component_takes_exactly_as_long_as_it_says() {
    let topology = |delay: &str| {
        format!(
            r#"{LINKS}
            [module.desk.node.greeter]
            component = "forward"
            edges = [{{ port = "out", to = "shelf.in" }}]
            [module.archive.node.shelf]
            component = "echo"
            settings = {{ delay = "{delay}" }}
            "#
        )
    };
    let workload = "from = \"desk\"\nto = \"greeter.in\"\nrate = \"20/s\"";
    for engine in EngineKind::ALL {
        let plain = run(&topology("0s"), workload, engine);
        for (text, nanos) in DELAYS {
            let delayed = run(&topology(text), workload, engine);
            assert_eq!(added(&plain, &delayed), (nanos, nanos), "{text} on {engine:?}");
        }
    }
}

/// Without a bandwidth: an answer says how long the execution took, and so is longer by some bytes.
#[test]
fn a_delay_of_a_handler_takes_exactly_as_long_as_it_says() {
    let topology = |delay: &str| {
        format!(
            r#"
            name = "exact"
            [network]
            latency = "2300us"
            [manager.desk]
            [provider.archive]
            manager = "desk"
            namespace = "ml"
            [provider.archive.module.Tag]
            input = {{ text = "String" }}
            output = {{ text = "String" }}
            handler = {{ kind = "echo", delay = "{delay}" }}
            "#
        )
    };
    let workload =
        "from = \"desk\"\ncall = \"ml.Tag\"\ninput = { text = \"x\" }\nrate = \"20/s\"\nstart = \"1s\"";
    for engine in EngineKind::ALL {
        let plain = run(&topology("0s"), workload, engine);
        for (text, nanos) in DELAYS {
            let delayed = run(&topology(text), workload, engine);
            assert_eq!(added(&plain, &delayed), (nanos, nanos), "{text} on {engine:?}");
        }
    }
}

#[test]
fn calls_start_to_the_nanosecond() {
    let topology = "name = \"exact\"\n[module.desk]\n[module.archive.node.shelf]\ncomponent = \"echo\"";
    for engine in EngineKind::ALL {
        let workload = "from = \"desk\"\nto = \"shelf.in\"\nrate = \"30/s\"\nstart = \"100us\"";
        let run = run(topology, workload, engine);
        for (turn, (started, _)) in calls(&run.journal) {
            assert_eq!(started, 100_000 + turn * SECOND / 30);
        }
    }
}

#[test]
fn a_client_waits_exactly_as_long_as_it_thinks() {
    let topology = r#"
        name = "exact"
        [network]
        latency = "333us"
        [module.desk]
        [module.archive.node.shelf]
        component = "echo"
    "#;
    let think = Duration::from_micros(10_100);
    for engine in EngineKind::ALL {
        let workload = "from = \"desk\"\nto = \"shelf.in\"\nclients = 1\nthink = \"10100us\"";
        let run = run(topology, workload, engine);
        let calls: Vec<_> = calls(&run.journal).into_values().collect();
        for pair in calls.windows(2) {
            assert_eq!(Duration::from_nanos(pair[1].0 - pair[0].1), think);
        }
    }
}
