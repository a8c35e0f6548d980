//! A manager with many providers: heartbeats, and calls to all of them, simulated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use squall::Harness;
use squall::journal::{Event, Outcome};
use squall::plan::{
    Answer, Arrival, EngineKind, Handler, Latency, Manager, ModuleCall, Network, Plan, Provider,
    ProviderModule, Ratio, Reconnect, Topology, Workload,
};
use squall_value::{CType, CValue};

use crate::program::LATENCY;

/// How many providers share a namespace.
const GROUP: usize = 10;

/// How long so many providers for a minute, with so many calls, take on the wall.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run(providers: usize, calls: u64) -> Duration {
    let groups = providers.div_ceil(GROUP);
    let plan = plan(groups, calls / groups as u64);
    let start = Instant::now();
    let run = Harness::new()
        .run(plan)
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
    let answered = run.journal.entries.iter().filter(|it| ok(&it.event)).count();
    assert_eq!(answered as u64, calls, "every call is answered");
    wall
}

fn plan(groups: usize, calls: u64) -> Plan {
    let duration = Duration::from_secs(60);
    let workload = |group: usize| Workload {
        name: format!("group {group}"),
        from: vec!["engine".into()],
        target: Arc::new(ModuleCall {
            name: format!("ns{group}.Echo"),
            input: CValue::product([("text", CValue::string("{call}"))]),
        }),
        arrival: Arrival::Open {
            calls,
            per: duration - Duration::from_secs(10),
        },
        // All are registered by then.
        start: Duration::from_secs(5),
        end: duration,
        limit: Some(calls),
        timeout: Some(Duration::from_secs(2)),
    };
    let provider = |index: usize| {
        let (name, group) = (format!("p{index}"), index / GROUP);
        let text = CType::product([("text", CType::String)]);
        let module = ProviderModule {
            name: "Echo".into(),
            input: text.clone(),
            output: text,
            handler: Handler::new(Answer::Echo),
            version: "1.0.0".into(),
            description: String::new(),
        };
        Provider {
            hosts: vec![name.clone()],
            name,
            managers: vec!["engine".into()],
            namespace: format!("ns{group}"),
            group: Some(format!("group{group}")),
            heartbeat_interval: Duration::from_secs(5),
            ack_timeout: None,
            reconnect: Reconnect::default(),
            modules: [(module.name.clone(), module)].into_iter().collect(),
        }
    };
    let network = Network {
        engine: EngineKind::Flow,
        latency: Latency::Constant(LATENCY),
        loss: Ratio::ZERO,
        bandwidth: None,
    };
    let topology = Topology::new("providers", network)
        .with([Manager::new("engine")])
        .with((0..groups * GROUP).map(provider));
    Plan {
        scenario: "providers".into(),
        topology: Arc::new(topology),
        seed: 7,
        duration,
        wall_limit: Duration::from_secs(600),
        interleave: Ratio::ZERO,
        workloads: (0..groups).map(workload).collect(),
        faults: vec![],
        expectations: vec![],
        drawn: vec![],
    }
}
