//! Two engines, one run: whatever the topology, the workloads and the faults, each call comes to the same end on
//! both; and where nothing is left to chance and nothing strikes, at the same virtual nanosecond.
//!
//! What differs, and is right:
//!
//! | on turmoil | why |
//! |---|---|
//! | other segments are lost, other latencies drawn | it asks chance about packets, of which there are more. So links here are constant and lose nothing |
//! | more than 64 KiB at once, or behind a partition, take more round trips | its window is not scaled. So there is little to send here |
//! | a server accepts one round trip later | as Linux does; what the client writes arrives at the same time. What the server says first, and the client's answer to that, come later: a machine that dies just then leaves other segments behind, which are sent again at other times |

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::support::topology_with;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;
use squall::Harness;
use squall::faults;
use squall::file::ComponentNames;
use squall::journal::{Event, Outcome};
use squall::plan::{
    Arrival, EngineKind, Fault, FaultKind, Latency, NodePort, Pairs, Plan, Ratio, Topology, Workload,
};

const END: Duration = Duration::from_secs(15);

/// A chain of modules, each of which calls the next, with a latency of its own to each.
#[derive(Debug, Clone)]
struct System {
    /// Microseconds, from each module to the next.
    links: Vec<u64>,
    /// How long each handler takes, in milliseconds.
    delays: Vec<u64>,
}

impl System {
    fn size(&self) -> usize {
        self.links.len() + 1
    }

    fn topology(&self) -> Arc<Topology> {
        let mut text = "name = \"chain\"\n[network]\nlatency = \"700us\"\n".to_owned();
        for (i, micros) in self.links.iter().enumerate() {
            let next = i + 1;
            let link = format!("[[link]]\nbetween = [\"m{i}\", \"m{next}\"]\nlatency = \"{micros}us\"\n");
            text.push_str(&link);
        }
        for i in 0..self.size() {
            let delay = self.delays[i];
            let is_last = i + 1 == self.size();
            let behaviour = match (is_last, delay) {
                (true, 0) => "component = \"echo\"".to_owned(),
                (true, _) => format!("component = \"delay\"\nsettings = {{ for = \"{delay}ms\" }}"),
                (false, _) => format!(
                    "component = \"forward\"\nedges = [{{ port = \"out\", to = \"n{}.in\" }}]",
                    i + 1
                ),
            };
            write!(text, "[module.m{i}]\n[module.m{i}.node.n{i}]\n{behaviour}\n").expect("into a string");
        }
        Arc::new(topology_with(&text, &ComponentNames::built_in()))
    }
}

fn system() -> impl Strategy<Value = System> {
    prop::collection::vec(100..20_000_u64, 1..4).prop_flat_map(|links| {
        let size = links.len() + 1;
        prop::collection::vec(0..6_u64, size).prop_map(move |delays| System {
            links: links.clone(),
            delays,
        })
    })
}

fn workloads(size: usize) -> impl Strategy<Value = Vec<Workload>> {
    let workload = (0..size, 0..size, 250..900_u64, 100..3_000_u64, 0..60_usize);
    prop::collection::vec(workload, 1..4).prop_map(|drawn| {
        let workload =
            |(i, (from, to, period, timeout, bytes)): (usize, (usize, usize, u64, u64, usize))| Workload {
                name: format!("w{i}"),
                from: vec![format!("m{from}")],
                target: Arc::new(NodePort {
                    node: format!("n{to}"),
                    port: "in".into(),
                    payload: json!({ "call": "{call}", "text": "x".repeat(bytes) }),
                }),
                arrival: Arrival::Open {
                    calls: 1,
                    per: Duration::from_millis(period),
                },
                start: Duration::ZERO,
                end: END,
                limit: None,
                timeout: Some(Duration::from_millis(timeout)),
            };
        drawn.into_iter().enumerate().map(workload).collect()
    })
}

/// Of the network, or of processes and machines as well.
fn faults(size: usize, kinds: u8) -> impl Strategy<Value = Vec<Fault>> {
    let kind = (0..kinds, 0..size, 1..size, any::<bool>(), 1..400_u64).prop_map(
        move |(kind, host, other, both_ways, millis)| {
            let name = |i: usize| vec![format!("m{}", i % size)];
            let pairs = Pairs {
                from: name(host),
                to: name(host + other),
                both_ways,
            };
            let kind: Arc<dyn FaultKind> = match kind {
                0 | 1 => Arc::new(faults::Partition(pairs)),
                2 => Arc::new(faults::Latency {
                    pairs,
                    latency: Latency::Constant(Duration::from_millis(millis)),
                    added: true,
                }),
                3 => Arc::new(faults::Pause { hosts: name(host) }),
                4 => Arc::new(faults::Kill { hosts: name(host) }),
                _ => Arc::new(faults::Crash { hosts: name(host) }),
            };
            kind
        },
    );
    // One after the other: none cuts another one short.
    let fault = (100..2_000_u64, 50..6_000_u64, kind);
    prop::collection::vec(fault, 1..4).prop_map(|drawn| {
        let mut faults = Vec::new();
        let mut at = Duration::ZERO;
        for (i, (wait, lasts, kind)) in drawn.into_iter().enumerate() {
            at += Duration::from_millis(wait);
            let until = at + Duration::from_millis(lasts);
            faults.push(Fault {
                name: format!("#{}", i + 1),
                at,
                until: Some(until),
                kind,
            });
            at = until;
        }
        faults
    })
}

fn plan(system: &System, seed: u64, workloads: Vec<Workload>, faults: Vec<Fault>) -> Plan {
    Plan {
        scenario: "two engines".into(),
        topology: system.topology(),
        seed,
        duration: END,
        wall_limit: Duration::from_secs(60),
        interleave: Ratio::ZERO,
        workloads,
        faults,
        expectations: Vec::new(),
        drawn: Vec::new(),
    }
}

/// What became of each call: where it started, when, how it ended, and how long it took.
type Calls = BTreeMap<u64, Call>;
type Call = (u64, Option<(Outcome, String, u64)>);

fn calls(plan: &Plan, engine: EngineKind) -> Calls {
    let run = Harness::new()
        .run(plan.clone().on_engine(engine))
        .expect("the run ends");
    run.assert_held();
    let mut calls = Calls::new();
    for entry in &run.journal.entries {
        match &entry.event {
            Event::CallStarted { call, .. } => drop(calls.insert(*call, (entry.at, None))),
            Event::CallEnded {
                call, outcome, class, ..
            } => {
                let (started, end) = calls.get_mut(call).expect("it has started");
                *end = Some((*outcome, class.to_string(), entry.at - *started));
            }
            _ => {}
        }
    }
    calls
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(30))]

    #[test]
    fn without_chance_or_faults_every_call_takes_the_same_to_the_nanosecond(
        (system, workloads) in system().prop_flat_map(|system| {
            let size = system.size();
            (Just(system), workloads(size))
        }),
        seed in any::<u64>(),
    ) {
        let plan = plan(&system, seed, workloads, Vec::new());
        let flow = calls(&plan, EngineKind::Flow);
        prop_assert!(!flow.is_empty());
        let turmoil = calls(&plan, EngineKind::Turmoil);
        for (flow, turmoil) in flow.iter().zip(&turmoil) {
            prop_assert_eq!(flow, turmoil);
        }
        prop_assert_eq!(flow.len(), turmoil.len());
    }
}

/// Every call's end on each engine: when it started, how it ended, the class of its error.
type Ends = Vec<(u64, u64, Option<(Outcome, String)>)>;

fn ends(plan: &Plan) -> (Ends, Ends) {
    let ends = |engine| {
        let end = |(number, (started, end)): (u64, Call)| {
            (number, started, end.map(|(outcome, class, _)| (outcome, class)))
        };
        calls(plan, engine).into_iter().map(end).collect::<Ends>()
    };
    (ends(EngineKind::Flow), ends(EngineKind::Turmoil))
}

fn struck(kinds: u8) -> impl Strategy<Value = Plan> {
    let drawn = system().prop_flat_map(move |system| {
        let size = system.size();
        (Just(system), workloads(size), faults(size, kinds))
    });
    (drawn, any::<u64>())
        .prop_map(|((system, workloads, faults), seed)| plan(&system, seed, workloads, faults))
}

const OF_THE_NETWORK: u8 = 4;
const OF_MACHINES_TOO: u8 = 6;

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn whatever_befalls_the_network_every_call_comes_to_the_same_end(plan in struck(OF_THE_NETWORK)) {
        let (flow, turmoil) = ends(&plan);
        prop_assert_eq!(flow.len(), turmoil.len());
        for (flow, turmoil) in flow.iter().zip(&turmoil) {
            prop_assert_eq!(flow, turmoil);
        }
    }
}

/// One machine that dies within a round trip of a new connection moves a handful of calls.
#[test]
fn whatever_befalls_machines_99_calls_in_100_come_to_the_same_end() {
    let (all, different) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(config(40));
    let result = runner.run(&struck(OF_MACHINES_TOO), |plan| {
        let (flow, turmoil) = ends(&plan);
        prop_assert_eq!(flow.len(), turmoil.len());
        let differ = flow
            .iter()
            .zip(&turmoil)
            .filter(|(flow, turmoil)| flow != turmoil);
        different.set(different.get() + differ.count());
        all.set(all.get() + flow.len());
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (all, different) = (all.get(), different.get());
    assert!(
        different * 100 < all,
        "{different} of {all} calls ended differently"
    );
}
