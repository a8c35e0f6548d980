//! The program on Squall: real schedulers, pools and servers, the journal kept, the digest computed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use squall::Harness;
use squall::journal::{Event, Outcome};
use squall::plan::{
    Arrival, EngineKind, Latency, Module, Network, Node, NodePort, Plan, Ratio, Topology, Workload,
};

use crate::program::{LATENCY, PERIOD, Pace, Program, payload};

/// How long the whole takes on the wall: plan, thread, runtime, set-up, run and tear-down.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run(program: &Program) -> Duration {
    run_on(EngineKind::Flow, program)
}

/// The same, on the engine of packets.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run_on_packets(program: &Program) -> Duration {
    run_on(EngineKind::Turmoil, program)
}

fn run_on(engine: EngineKind, program: &Program) -> Duration {
    let start = Instant::now();
    let run = Harness::new()
        .run(plan(engine, program))
        .expect("nothing keeps the run from its end");
    let wall = start.elapsed();
    let ok = |event: &Event| {
        matches!(
            event,
            Event::CallEnded {
                outcome: Outcome::Ok,
                ..
            }
        )
    };
    let answered = run
        .journal
        .entries
        .iter()
        .filter(|entry| ok(&entry.event))
        .count();
    assert_eq!(answered as u64, program.calls(), "every call is answered");
    wall
}

fn plan(engine: EngineKind, program: &Program) -> Plan {
    let workloads = program.connections().into_iter();
    Plan {
        scenario: "speed".into(),
        topology: Arc::new(topology(engine, program.modules)),
        seed: 7,
        duration: program.duration(),
        wall_limit: Duration::from_secs(600),
        interleave: Ratio::ZERO,
        workloads: workloads.map(|(from, to)| workload(program, from, to)).collect(),
        faults: vec![],
        expectations: vec![],
        drawn: vec![],
    }
}

fn topology(engine: EngineKind, modules: usize) -> Topology {
    let module = |index| module(&format!("m{index}"), &format!("n{index}"), "echo", json!({}));
    let network = Network {
        engine,
        latency: Latency::Constant(LATENCY),
        loss: Ratio::ZERO,
        bandwidth: None,
    };
    Topology::new("speed", network).with((0..modules).map(module))
}

fn workload(program: &Program, from: usize, to: usize) -> Workload {
    let arrival = match program.pace {
        Pace::Sparse { .. } => Arrival::Open {
            calls: 1,
            per: PERIOD,
        },
        Pace::Dense { clients, .. } => Arrival::Closed {
            clients,
            think: Duration::ZERO,
        },
    };
    Workload {
        name: format!("m{from} to m{to}"),
        from: vec![format!("m{from}")],
        target: Arc::new(NodePort {
            node: format!("n{to}"),
            port: "in".into(),
            payload: payload("{call}"),
        }),
        arrival,
        start: Duration::ZERO,
        end: program.duration(),
        limit: Some(program.calls_per_connection()),
        timeout: Some(Duration::from_secs(2)),
    }
}

/// A module of one host, with one node.
pub(crate) fn module(name: &str, node: &str, component: &str, settings: serde_json::Value) -> Module {
    let node = Node {
        name: node.into(),
        component: component.into(),
        settings,
        inputs: None,
        edges: vec![],
    };
    Module {
        name: name.into(),
        hosts: vec![name.into()],
        call_timeout: Duration::from_secs(30),
        instance_wait: Duration::ZERO,
        min_ping_interval: None,
        keepalive: Some(squall::router::Keepalive::client()),
        limits: squall::plan::Limits::default(),
        method: None,
        nodes: [(node.name.clone(), node)].into_iter().collect(),
    }
}
