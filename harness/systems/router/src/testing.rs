//! Journals of modules, written by hand: those of [`squall_core::testing`], where every host is a module's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::json;
use squall_core::journal::Event;
use squall_core::plan::{EngineKind, Latency, Network, Ratio, Topology};
pub(crate) use squall_core::testing::*;

use crate::journal::RouterEvent;
use crate::plan::{Limits, Module, Node};
use crate::target::NodePort;

/// Scripts about modules.
pub(crate) trait OfModules {
    /// A script in which every host is a module's, with the counters of the modules at its end.
    fn of_modules() -> Self;
}

impl OfModules for Script {
    fn of_modules() -> Self {
        let mut script = Script::new();
        script.plan.topology = Arc::new(topology());
        for (workload, node) in script.plan.workloads.iter_mut().zip(["echo", "router"]) {
            workload.target = Arc::new(NodePort {
                node: node.to_owned(),
                port: "in".to_owned(),
                payload: json!({ "text": "hello" }),
            });
        }
        script.at_the_end(count);
        script
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
            limits: Limits::default(),
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

/// The counters of the modules, computed from the hops so far.
fn count(script: &mut Script) {
    let mut started = BTreeMap::new();
    let (mut calls, mut latencies) = (BTreeMap::new(), BTreeMap::new());
    for entry in script.entries() {
        match &entry.event {
            Event::HopStarted {
                span,
                source_module,
                target_module,
                ..
            } => {
                let pair = (entry.host.clone(), source_module.clone(), target_module.clone());
                started.insert(*span, (entry.at, pair));
            }
            Event::HopEnded {
                span,
                status,
                at_transport,
                ..
            } => {
                let Some((start, pair)) = started.get(span) else {
                    continue;
                };
                *calls.entry((pair.clone(), status.clone())).or_insert(0) += 1;
                if *at_transport {
                    let (count, took) = latencies.entry(pair.clone()).or_insert((0, 0));
                    *count += 1;
                    *took += entry.at - start;
                }
            }
            _ => {}
        }
    }
    let incarnation = 0;
    for (((host, source_module, target_module), status), calls) in calls {
        let event = RouterEvent::CallsCounted {
            incarnation,
            source_module,
            target_module,
            status,
            calls,
        };
        script.push(&host, event);
    }
    for ((host, source_module, target_module), (calls, took)) in latencies {
        let event = RouterEvent::LatencyCounted {
            incarnation,
            source_module,
            target_module,
            calls,
            took,
        };
        script.push(&host, event);
    }
}
