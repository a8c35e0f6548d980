//! The system of journals written by hand: groups of hosts, and targets, of no protocol.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use indexmap::IndexMap;

use super::{Script, TIMEOUT};
use crate::hosting::Systems;
use crate::plan::{
    Arrival, EngineKind, HostGroup, Latency, Network, Plan, Ratio, Recovery, Topology, Workload,
};
use crate::target::{Causes, Prepared, Target};

/// A group of hosts whose calls time out after [`TIMEOUT`].
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    name: String,
    hosts: Vec<String>,
    /// Whether it fails on purpose.
    pub fails: bool,
}

impl Peer {
    /// With these hosts.
    pub fn new(name: &str, hosts: &[&str]) -> Self {
        Peer {
            name: name.to_owned(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            fails: false,
        }
    }
}

impl HostGroup for Peer {
    const TABLE: &'static str = "peer";
    const SHOWS_IN_CALLS: bool = true;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(Duration::from_nanos(TIMEOUT))
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn recovery(&self) -> Recovery {
        match self.fails {
            true => Recovery::Unknown,
            false => Recovery::Within(Duration::ZERO),
        }
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, Peer>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

/// A target of which only the name is known. It cannot be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// What each call causes.
    pub causes: Causes,
}

impl Target for Named {
    fn text(&self) -> String {
        self.name.clone()
    }

    fn causes(&self) -> Causes {
        self.causes
    }

    fn prepare(&self, _systems: &Systems) -> Option<Box<dyn Prepared>> {
        None
    }
}

/// The plan of a [`Script`], without faults and expectations.
pub(super) fn plan() -> Plan {
    Plan {
        scenario: "storm".to_owned(),
        topology: Arc::new(topology()),
        seed: 7,
        duration: Duration::from_secs(60),
        wall_limit: Duration::from_secs(60),
        interleave: Ratio::ZERO,
        workloads: vec![workload("orders", "echo.in"), workload("local", "router.in")],
        faults: Vec::new(),
        expectations: Vec::new(),
        drawn: Vec::new(),
    }
}

impl Script {
    /// Makes `back` fail on purpose.
    pub fn fails_on_purpose(&mut self) -> &mut Self {
        let topology = Arc::make_mut(&mut self.plan.topology);
        topology.all_mut::<Peer>()["back"].fails = true;
        self
    }
}

fn topology() -> Topology {
    let network = Network {
        latency: Latency::Constant(Duration::from_millis(2)),
        loss: Ratio::ZERO,
        bandwidth: None,
        engine: EngineKind::Flow,
    };
    Topology::new("orders", network).with([
        Peer::new("front", &["front"]),
        Peer::new("back", &["back"]),
        Peer::new("store", &["store-0", "store-1"]),
    ])
}

fn workload(name: &str, to: &str) -> Workload {
    Workload {
        name: name.to_owned(),
        from: vec!["front".to_owned()],
        target: Arc::new(Named {
            name: to.to_owned(),
            causes: Causes::One,
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
