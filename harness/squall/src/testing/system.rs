//! The topology of the journals written by hand.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::json;

use super::{Script, TIMEOUT};
use crate::plan::{
    Arrival, EngineKind, Latency, Module, Network, Node, NodePort, Plan, Ratio, Topology, Workload,
};

pub(super) fn plan() -> Plan {
    Plan {
        scenario: "storm".to_owned(),
        topology: Arc::new(topology()),
        seed: 7,
        duration: Duration::from_secs(60),
        wall_limit: Duration::from_secs(60),
        interleave: Ratio::ZERO,
        workloads: vec![workload("orders", "echo"), workload("local", "router")],
        faults: Vec::new(),
        expectations: Vec::new(),
        drawn: Vec::new(),
    }
}

impl Script {
    /// Makes the component of `back` one that fails on purpose.
    pub(crate) fn fails_on_purpose(&mut self) -> &mut Self {
        let topology = Arc::make_mut(&mut self.plan.topology);
        topology.all_mut::<Module>()[1].nodes[0].component = "fail".to_owned();
        self
    }
}

fn topology() -> Topology {
    let module = |name: &str, hosts: &[&str], node: &str, component: &str| {
        let node = Node {
            name: node.to_owned(),
            component: component.to_owned(),
            settings: json!({}),
            inputs: None,
            edges: Vec::new(),
        };
        Module {
            name: name.to_owned(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            call_timeout: Duration::from_nanos(TIMEOUT),
            instance_wait: Duration::ZERO,
            min_ping_interval: None,
            keepalive: Some(squall_router::Keepalive::client()),
            limits: crate::plan::Limits::default(),
            method: None,
            nodes: IndexMap::from([(node.name.clone(), node)]),
        }
    };
    let network = Network {
        latency: Latency::Constant(Duration::from_millis(2)),
        loss: Ratio::ZERO,
        bandwidth: None,
        engine: EngineKind::Flow,
    };
    Topology::new("orders", network).with([
        module("front", &["front"], "router", "router"),
        module("back", &["back"], "echo", "forward"),
        module("store", &["store-0", "store-1"], "disk", "echo"),
    ])
}

fn workload(name: &str, node: &str) -> Workload {
    Workload {
        name: name.to_owned(),
        from: vec!["front".to_owned()],
        target: Arc::new(NodePort {
            node: node.to_owned(),
            port: "in".to_owned(),
            payload: json!({ "text": "hello" }),
        }),
        arrival: Arrival::Open {
            calls: 100,
            per: Duration::from_secs(1),
        },
        start: Duration::ZERO,
        end: Duration::from_secs(60),
        limit: None,
        timeout: Some(Duration::from_nanos(TIMEOUT)),
    }
}
