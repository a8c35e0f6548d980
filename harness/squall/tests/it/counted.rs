//! What modules count is in the journal, also of processes that died before the end. That it is right the oracle
//! `metrics` says, of every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall::Harness;
use squall::file::scenario_from_str;
use squall::journal::RouterEvent;

const TOPOLOGY: &str = r#"
    name = "pair"
    [network]
    latency = "2ms"
    [module.front]
    [module.back.node.n]
    component = "echo"
    settings = { delay = "20ms" }
"#;

const SCENARIO: &str = r#"
    name = "the caller dies"
    topology = "in this test"
    duration = "10s"
    [[workload]]
    name = "calls"
    from = "front"
    to = "n.in"
    rate = "100/s"
    [[fault]]
    at = "5s"
    for = "1s"
    kill = { hosts = "front" }
"#;

#[test]
fn a_process_that_died_is_counted_until_its_last_instant() {
    let harness = Harness::new();
    let topology = crate::support::topology_with(TOPOLOGY, &harness.component_names());
    let scenario = scenario_from_str("dies.toml", SCENARIO, Arc::new(topology)).expect("a sound scenario");
    let run = harness.run(scenario.plan(None)).expect("the run ends");

    let mut counted = BTreeMap::new();
    let mut latencies = Vec::new();
    for entry in &run.journal.entries {
        match entry.event.get() {
            Some(RouterEvent::CallsCounted {
                incarnation,
                status,
                calls,
                ..
            }) => {
                assert_eq!(&*entry.host, "front");
                counted.insert((*incarnation, status.to_string()), *calls);
            }
            Some(RouterEvent::LatencyCounted {
                incarnation, calls, ..
            }) => latencies.push((*incarnation, *calls)),
            _ => {}
        }
    }
    let of = |incarnation, status: &str| counted.get(&(incarnation, status.to_owned())).copied();
    // A call is under way for 24 ms: two of them when the process dies.
    assert_eq!(of(0, "ok").zip(of(0, "cancelled")), Some((498, 2)), "{counted:?}");
    // And twenty of the run's own, when the plan is over: to see whether all have recovered.
    assert_eq!(
        (of(1, "ok"), of(1, "cancelled")),
        (Some(420), None),
        "{counted:?}"
    );
    assert_eq!(latencies, [(0, 500), (1, 420)]);
    run.assert_held();
}
