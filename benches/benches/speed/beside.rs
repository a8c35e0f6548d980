//! Small answers beside large ones, on one connection and a link of 80 Mbit/s: how long the small ones take, and how much of
//! the link the large ones fill.
//!
//! All of it is virtual time, so the figures are the same on every machine.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use squall::Harness;
use squall::journal::{Event, Outcome};
use squall::plan::{
    Arrival, Bandwidth, EngineKind, Latency, Network, NodePort, Plan, Ratio, Topology, Workload,
};

use crate::on_squall::module;
use crate::program::LATENCY;

/// Of the link, each way.
const BITS_PER_SECOND: NonZeroU64 = NonZeroU64::new(80_000_000).expect("it is not zero");
/// Of each large answer: 0.4 s of the link.
const LARGE: u64 = 4_000_000;
/// How many large answers are under way at once.
const LARGE_AT_ONCE: u32 = 4;
const SMALL_PER_SECOND: u64 = 50;

/// What was measured.
pub(crate) struct Beside {
    /// How long a small call took, at the median.
    pub(crate) small: Duration,
    /// The longest that one took.
    pub(crate) small_max: Duration,
    /// The share of the link that the data of large answers filled.
    pub(crate) filled: f64,
}

/// Large and small calls for so long, in virtual time.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run(lasts: Duration) -> Beside {
    let run = Harness::new()
        .run(plan(lasts))
        .expect("nothing keeps the run from its end");
    let mut started = BTreeMap::new();
    let mut small = Vec::new();
    let (mut bytes, mut end) = (0, 0);
    for entry in &run.journal.entries {
        match &entry.event {
            Event::CallStarted { call, workload, .. } => {
                started.insert(*call, (entry.at, *workload));
            }
            Event::CallEnded {
                call,
                outcome,
                bytes: length,
                ..
            } => {
                assert_eq!(*outcome, Outcome::Ok, "every call is answered");
                let (at, workload) = started[call];
                match workload {
                    0 => {
                        bytes += length;
                        end = entry.at;
                    }
                    _ => small.push(entry.at - at),
                }
            }
            _ => {}
        }
    }
    small.sort_unstable();
    let seconds = Duration::from_nanos(end).as_secs_f64();
    Beside {
        small: Duration::from_nanos(small[small.len() / 2]),
        small_max: Duration::from_nanos(small[small.len() - 1]),
        filled: bytes as f64 * 8.0 / (seconds * BITS_PER_SECOND.get() as f64),
    }
}

fn plan(lasts: Duration) -> Plan {
    let workload = |name: &str, arrival, timeout| Workload {
        name: name.into(),
        from: vec!["front".into()],
        target: Arc::new(NodePort {
            node: name.into(),
            port: "in".into(),
            payload: json!({}),
        }),
        arrival,
        start: Duration::ZERO,
        end: lasts,
        limit: None,
        timeout: Some(timeout),
    };
    let large = Arrival::Closed {
        clients: LARGE_AT_ONCE,
        think: Duration::ZERO,
    };
    let small = Arrival::Open {
        calls: SMALL_PER_SECOND,
        per: Duration::from_secs(1),
    };
    let mut back = module("back", "large", "blob", json!({ "bytes": LARGE }));
    let echo = module("back", "small", "echo", json!({})).nodes;
    back.nodes.extend(echo);
    let mut front = module("front", "unused", "echo", json!({}));
    front.nodes.clear();
    let network = Network {
        engine: EngineKind::Flow,
        latency: Latency::Constant(LATENCY),
        loss: Ratio::ZERO,
        bandwidth: Some(Bandwidth {
            bits_per_second: BITS_PER_SECOND,
        }),
    };
    let topology = Topology::new("beside", network).with([front, back]);
    Plan {
        scenario: "beside".into(),
        topology: Arc::new(topology),
        seed: 7,
        duration: lasts + Duration::from_secs(10),
        wall_limit: Duration::from_secs(600),
        interleave: Ratio::ZERO,
        workloads: vec![
            workload("large", large, Duration::from_secs(20)),
            workload("small", small, Duration::from_secs(5)),
        ],
        faults: vec![],
        expectations: vec![],
        drawn: vec![],
    }
}
