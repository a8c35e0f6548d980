//! Modules: the content of `[module.*]`. Spec: router section 3.

mod limits;

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::plan::{HostGroup, Recovery, Topology};
use squall_router::{Keepalive, Method, Policy, RetryPolicy};

pub use self::limits::Limits;

/// Components that fail on purpose.
const FAILING: [&str; 2] = ["fail", "panic"];

/// One module: one host, or one host per replica. All replicas hold all of its nodes.
/// Spec: router H-15.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// The module's name, by which others address it.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// The timeout of calls by this module. Default 30 s.
    pub call_timeout: Duration,
    /// How long a message waits for a node or port of this module that does not exist yet. Default zero.
    /// Spec: router H-9, 3.4.5.
    pub instance_wait: Duration,
    /// The minimum interval between pings of a caller with calls in flight; a caller that pings more often is
    /// disconnected. Default: no minimum.
    pub min_ping_interval: Option<Duration>,
    /// When its connections to other modules are pinged, and when their peers count as dead; `None`: never. The default
    /// is what any gRPC server permits. Spec: router 4.3.
    pub keepalive: Option<Keepalive>,
    /// Its server's limits on other modules. Spec: router 5.2.
    pub limits: Limits,
    /// The method by which it calls others; `None` is negotiated per peer. Spec: router 2.3.
    pub method: Option<Method>,
    /// By node name, in file order.
    pub nodes: IndexMap<String, Node>,
}

/// One node: an instance of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique in the topology.
    pub name: String,
    /// A built-in, or the name of a registered one.
    pub component: String,
    /// The component's settings: a JSON object, empty if the file has none.
    pub settings: serde_json::Value,
    /// Its inputs, from the topology or from its component. `None`: any.
    pub inputs: Option<Vec<String>>,
    /// In file order.
    pub edges: Vec<Edge>,
}

/// An edge from a port of a node to a port of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The source port on the node that has the edge.
    pub port: String,
    /// The target node. It exists.
    pub node: String,
    /// The target port.
    pub target_port: String,
    /// The timeout of messages along it. `None`: the call's.
    pub timeout: Option<Duration>,
    /// Whether failed messages along it are retried.
    pub retry: Option<RetryPolicy>,
    /// Whether an emission may succeed although it fails.
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

    /// All hosts of modules with their module, in file order.
    pub fn on_hosts(topology: &Topology) -> impl Iterator<Item = (&str, &Module)> {
        let modules = topology.all::<Module>().values();
        modules.flat_map(|module| module.hosts.iter().map(move |host| (host.as_str(), module)))
    }
}
