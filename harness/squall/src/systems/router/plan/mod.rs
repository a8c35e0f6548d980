//! Modules: what `[module.*]` describes. Spec: router section 3.

mod limits;

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_router::{Keepalive, Method, Policy, RetryPolicy};

pub use self::limits::Limits;
use crate::plan::{HostGroup, Recovery, Topology};

/// Components that fail because they are told to.
const FAILING: [&str; 2] = ["fail", "panic"];

/// One module: one host, or one host per replica. All replicas hold all of its nodes.
/// Spec: router H-15.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// The module's name, by which others address it.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// How long a call that this module makes may take. 30 s unless the file says otherwise.
    pub call_timeout: Duration,
    /// How long a message waits for a node of this module that is not there yet, or for its port. Not at all
    /// unless the file says otherwise. Spec: router H-9, 3.4.5.
    pub instance_wait: Duration,
    /// The shortest time between two pings of a caller of this module that has calls in flight; one that pings more often
    /// is cut off. Any unless the file says otherwise.
    pub min_ping_interval: Option<Duration>,
    /// When its connections to other modules are pinged, and when their peers count as gone; `None`: never. As any gRPC
    /// server permits, unless the file says otherwise. Spec: router 4.3.
    pub keepalive: Option<Keepalive>,
    /// What its server takes of other modules at most. Spec: router 5.2.
    pub limits: Limits,
    /// By which method this module calls others; found out peer by peer when absent. Spec: router 2.3.
    pub method: Option<Method>,
    /// By node name, in file order.
    pub nodes: IndexMap<String, Node>,
}

/// One node: an instance of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique in the topology.
    pub name: String,
    /// A built-in, or one that a test registers under this name.
    pub component: String,
    /// The component's settings, as JSON. An object, empty when the file has none.
    pub settings: serde_json::Value,
    /// The ports at which it takes messages: those that its topology names, or its component. `None`: any.
    pub inputs: Option<Vec<String>>,
    /// In file order.
    pub edges: Vec<Edge>,
}

/// From a port of a node to a port of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The source port on the node that has the edge.
    pub port: String,
    /// The target node. It exists.
    pub node: String,
    /// The target port.
    pub target_port: String,
    /// How long a message along it may take. Nothing: as long as its call.
    pub timeout: Option<Duration>,
    /// Whether a message along it is sent again when it fails.
    pub retry: Option<RetryPolicy>,
    /// Whether an emission may succeed without it.
    pub policy: Policy,
}

impl HostGroup for Module {
    const TABLE: &'static str = "module";
    const SHOWS_IN_CALLS: bool = true;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.call_timeout)
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn recovery(&self) -> Recovery {
        let mut nodes = self.nodes.values();
        match nodes.any(|node| FAILING.contains(&node.component.as_str())) {
            true => Recovery::Unknown,
            false => Recovery::Within(Duration::ZERO),
        }
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, Module>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

impl Module {
    /// The module that owns `node`.
    pub fn owning<'t>(topology: &'t Topology, node: &str) -> Option<&'t Module> {
        let mut modules = topology.all::<Module>().values();
        modules.find(|module| module.nodes.contains_key(node))
    }

    /// Every host of a module with that module, in file order.
    pub fn on_hosts(topology: &Topology) -> impl Iterator<Item = (&str, &Module)> {
        let modules = topology.all::<Module>().values();
        modules.flat_map(|module| module.hosts.iter().map(move |host| (host.as_str(), module)))
    }
}
