//! Builds running modules from a topology, on any platform: the simulator runs what would be deployed.

use std::sync::Arc;

use indexmap::IndexMap;
use squall_core::plan::Topology;
use squall_platform::{Authority, Platform};
use squall_router::{Component, Discovery, Edge, Module, Options, PingPolicy};

use crate::components::{Components, Ported};
use crate::plan;

/// The default port of every module. Spec: router S-4.
pub const PORT: u16 = 50051;

/// Creates a module with its nodes. It serves once it is bound to a port.
///
/// # Errors
/// If a node's component is unknown, or its settings are invalid.
pub fn assemble<P: Platform>(
    platform: P,
    module: &plan::Module,
    components: &Components,
    discovery: Arc<dyn Discovery>,
) -> Result<Module<P>, String> {
    let process = Module::new(platform, module.name.as_str(), options(module));
    process.discover(discovery);
    for node in module.nodes.values() {
        install(&process, node, make(components, node)?);
    }
    Ok(process)
}

/// The limits from a module's file, with defaults for the rest.
pub fn options(module: &plan::Module) -> Options {
    Options {
        call_timeout: module.call_timeout,
        instance_wait: module.instance_wait,
        ping_policy: module.min_ping_interval.map(PingPolicy::every),
        keepalive: module.keepalive,
        max_in_flight: module.limits.requests,
        limits: module.limits.server,
        ..Options::default()
    }
}

/// Creates the component of a node.
pub fn make(components: &Components, node: &plan::Node) -> Result<Arc<dyn Component>, String> {
    let inner = components
        .make(&node.component, &node.settings)
        .map_err(|error| format!("node `{}`: {error}", node.name))?;
    Ok(match &node.inputs {
        Some(inputs) => Arc::new(Ported::with_inputs(inner, inputs.clone())),
        None => inner,
    })
}

/// Installs a node with its edges on a module.
pub fn install<P: Platform>(process: &Module<P>, node: &plan::Node, component: Arc<dyn Component>) {
    let edges = node.edges.iter().map(edge).collect();
    process.install(node.name.as_str(), component, edges);
}

fn edge(edge: &plan::Edge) -> Edge {
    let to = format!("{}.{}", edge.node, edge.target_port);
    let mut assembled = Edge::new(edge.port.as_str(), to).policy(edge.policy);
    assembled.timeout = edge.timeout;
    assembled.retry = edge.retry.clone().map(Arc::new);
    assembled
}

/// The address of a host: its name and [`PORT`].
pub(crate) fn authority(host: &str) -> Authority {
    let authority = format!("{host}:{PORT}").parse();
    authority.expect("host names are checked when a topology is loaded")
}

/// Sets the method by which a module calls others, if the topology has one.
pub fn set_methods<P: Platform>(process: &Module<P>, module: &plan::Module, topology: &Topology) {
    let Some(method) = module.method else { return };
    for other in topology
        .all::<plan::Module>()
        .keys()
        .filter(|other| **other != module.name)
    {
        process.set_method(other.as_str(), method);
    }
}

/// Owners of nodes and addresses of modules from a topology, the same for all modules.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    owners: IndexMap<Arc<str>, Arc<str>>,
    endpoints: IndexMap<Arc<str>, Vec<Authority>>,
}

impl Directory {
    /// Only the owners of nodes: addresses of modules are set elsewhere.
    pub fn owners_of(topology: &Topology) -> Self {
        let mut directory = Directory::of(topology);
        directory.endpoints.clear();
        directory
    }

    /// With every host at its own name, on [`PORT`].
    pub fn of(topology: &Topology) -> Self {
        Directory::with_endpoints(topology, authority)
    }

    /// With the addresses that `endpoint` returns.
    pub fn with_endpoints(topology: &Topology, endpoint: impl Fn(&str) -> Authority) -> Self {
        let mut directory = Directory::default();
        for module in topology.all::<plan::Module>().values() {
            let name: Arc<str> = module.name.as_str().into();
            for node in module.nodes.keys() {
                directory.owners.insert(node.as_str().into(), name.clone());
            }
            let endpoints = module.hosts.iter().map(|host| endpoint(host)).collect();
            directory.endpoints.insert(name, endpoints);
        }
        directory
    }
}

impl Discovery for Directory {
    fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.owners.get(node).cloned()
    }

    fn endpoints(&self, module: &str) -> Option<Vec<Authority>> {
        self.endpoints.get(module).cloned()
    }
}
