//! A ring of modules, each calling the next: the thinnest whole run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use squall::Harness;
use squall::journal::{Event, Outcome};
use squall::plan::{
    Arrival, EngineKind, Latency, Module, Network, Node, NodePort, Plan, Ratio, Topology, Workload,
};

fn ring(size: usize) -> Arc<Topology> {
    let modules = (0..size).map(|i| {
        let name = format!("m{i}");
        let node = Node {
            name: format!("n{i}"),
            component: "echo".into(),
            settings: json!({}),
            inputs: None,
            edges: vec![],
        };
        Module {
            hosts: vec![name.clone()],
            name,
            call_timeout: Duration::from_secs(30),
            instance_wait: Duration::ZERO,
            min_ping_interval: None,
            keepalive: Some(squall_router::Keepalive::client()),
            limits: squall::plan::Limits::default(),
            method: None,
            nodes: [(node.name.clone(), node)].into_iter().collect(),
        }
    });
    let network = Network {
        latency: Latency::Constant(Duration::from_millis(5)),
        loss: Ratio::ZERO,
        bandwidth: None,
        engine: EngineKind::Flow,
    };
    Arc::new(Topology::new("ring", network).with(modules))
}

fn plan(size: usize, seconds: u64) -> Plan {
    let workload = |i: usize| Workload {
        name: format!("w{i}"),
        from: vec![format!("m{i}")],
        target: Arc::new(NodePort {
            node: format!("n{}", (i + 1) % size),
            port: "in".into(),
            payload: json!({ "call": "{call}", "text": "x".repeat(100) }),
        }),
        arrival: Arrival::Open {
            calls: 1,
            per: Duration::from_secs(5),
        },
        start: Duration::ZERO,
        end: Duration::from_secs(seconds),
        limit: None,
        timeout: Some(Duration::from_secs(2)),
    };
    Plan {
        scenario: "ring".into(),
        topology: ring(size),
        seed: 7,
        duration: Duration::from_secs(seconds),
        wall_limit: Duration::from_secs(60),
        interleave: Ratio::ZERO,
        workloads: (0..size).map(workload).collect(),
        faults: vec![],
        expectations: vec![],
        drawn: vec![],
    }
}

#[test]
fn every_call_of_a_ring_is_answered_after_one_round_trip() {
    let run = Harness::new().run(plan(5, 60)).expect("the run ends");
    let ended: Vec<_> = run
        .journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::CallEnded { outcome, error, .. } => Some((*outcome, error.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(ended.len(), 60);
    assert!(
        ended.iter().all(|(outcome, _)| *outcome == Outcome::Ok),
        "{ended:?}"
    );
    let judgement = run.judge();
    assert!(judgement.held(), "{}", judgement.summary());
    // Links of 5 ms: a round trip is 10 ms, and the first call also pays for the connection: two more,
    // until the peer's SETTINGS are there.
    let latency = judgement.statistics().workloads[0]
        .latency
        .expect("calls were ok");
    assert_eq!((latency.p50, latency.max), (10_000_000, 30_000_000));
}
