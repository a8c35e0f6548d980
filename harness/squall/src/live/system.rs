//! Starts modules of a topology, sets up discovery between them, and ends them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use indexmap::IndexMap;
use squall_platform::{Authority, TokioPlatform};
use squall_router::{Drained, ServeError, Server, metrics};
use squall_system_router::assembly::{Directory, assemble, set_methods};
use squall_system_router::components::Components;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::reachable;
use crate::file::nearest;
use crate::plan::{Module, Topology};

/// Which modules run in this process, their addresses, and the addresses of the others.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The modules with all of their replicas, or single replicas by host name, that run in this process. `None` is the
    /// whole topology.
    pub modules: Vec<String>,
    /// The address of this machine to listen at.
    pub bind: IpAddr,
    /// The port of the topology's first module; each further module or replica has the next port, in whatever process
    /// it runs, so processes with the same base find each other. `None` selects free ports.
    pub port_base: Option<u16>,
    /// Addresses of modules in other processes, in addition to or in place of the base: one per replica.
    pub peers: IndexMap<String, Vec<Authority>>,
}

/// Why a system cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A name that is not in the topology.
    #[error("the topology `{topology}` has no module `{name}`{}", hint(.nearest))]
    UnknownModule {
        /// The name.
        name: String,
        /// The topology's name.
        topology: String,
        /// The most similar name in the topology.
        nearest: Option<String>,
    },
    /// A module of this process is also given a remote address.
    #[error("the module `{name}` runs in this process: --peer is for modules of other processes")]
    PeerIsHere {
        /// The module.
        name: String,
    },
    /// There are not enough ports after the base.
    #[error("there is no port for `{name}`: {base} and its number in the topology exceed 65535")]
    NoPort {
        /// The module, or its replica.
        name: String,
        /// The port of the first module.
        base: u16,
    },
    /// A component cannot be created.
    #[error("the module `{name}` cannot be made: {cause}")]
    Assembly {
        /// The module.
        name: String,
        /// The component's error.
        cause: String,
    },
    /// A port is unavailable.
    #[error("`{name}` at {bind} {cause}")]
    Serve {
        /// The module, or its replica.
        name: String,
        /// The address of the machine.
        bind: IpAddr,
        /// The operating system's error.
        cause: ServeError,
    },
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => String::new(),
    }
}

/// A listening module, or one of its replicas.
#[derive(Debug, Clone)]
pub struct Started {
    /// Its host's name: the module's, or with replicas, with a number appended.
    pub name: String,
    /// The module.
    pub module: String,
    /// Its address.
    pub address: SocketAddr,
}

/// The modules of this process.
pub struct System {
    modules: Vec<squall_router::Module<TokioPlatform>>,
    servers: Vec<Server<TokioPlatform>>,
    started: Vec<Started>,
    /// The shutdown order, as indices of the others.
    order: Vec<usize>,
}

impl System {
    /// Binds the modules of this process. They serve once [`System::run_until`] runs.
    ///
    /// # Errors
    /// If the layout does not fit the topology, a component cannot be created, or a port is unavailable.
    pub async fn start(
        topology: &Topology,
        components: &Components,
        layout: &Layout,
    ) -> Result<Self, StartError> {
        check(topology, layout)?;
        let platform = TokioPlatform::at(layout.bind);
        let directory = Arc::new(Directory::owners_of(topology));
        let mut system = System {
            modules: Vec::new(),
            servers: Vec::new(),
            started: Vec::new(),
            order: Vec::new(),
        };
        for (index, (module, host)) in hosts(topology).enumerate() {
            if !layout.has(module, host) {
                continue;
            }
            // Each replica has components of its own, as in separate processes.
            let process = assemble(platform, module, components, Arc::clone(&directory) as _);
            let process = process.map_err(|cause| StartError::Assembly {
                name: module.name.clone(),
                cause,
            })?;
            set_methods(&process, module, topology);
            let port = layout.port(host, index)?.unwrap_or(0);
            let server = process.bind(port).await.map_err(|cause| StartError::Serve {
                name: host.to_owned(),
                bind: layout.bind,
                cause,
            })?;
            system.started.push(Started {
                name: host.to_owned(),
                module: module.name.clone(),
                address: server.local_addr(),
            });
            system.modules.push(process);
            system.servers.push(server);
        }
        system.introduce(topology, layout)?;
        system.order = system.callers_first(topology);
        Ok(system)
    }

    /// Gives every module the known addresses of the others.
    fn introduce(&self, topology: &Topology, layout: &Layout) -> Result<(), StartError> {
        let mut endpoints = IndexMap::<&str, Vec<Authority>>::new();
        for (index, (module, host)) in hosts(topology).enumerate() {
            let here = self.started.iter().find(|it| it.name == host);
            let endpoint = match (here, layout.port(host, index)?) {
                (Some(here), _) => here.address,
                // Explicit addresses of a module replace those derived from the base.
                (None, Some(port)) if !layout.peers.contains_key(&module.name) => {
                    SocketAddr::new(layout.bind, port)
                }
                _ => continue,
            };
            let known = endpoints.entry(&module.name).or_default();
            known.push(reachable(endpoint));
        }
        for (name, peers) in &layout.peers {
            endpoints.entry(name).or_default().extend_from_slice(peers);
        }
        for (name, endpoints) in endpoints {
            for module in self.modules.iter().filter(|module| module.name() != name) {
                module.register(name, endpoints.clone());
            }
        }
        Ok(())
    }

    /// The modules of this process, callers before callees; cycles are broken arbitrarily.
    fn callers_first(&self, topology: &Topology) -> Vec<usize> {
        let mut seen = vec![false; self.started.len()];
        let mut callees_first = Vec::new();
        for root in 0..self.started.len() {
            // (module, the callees not visited yet)
            let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
            if !std::mem::replace(&mut seen[root], true) {
                path.push((root, self.callees(topology, root)));
            }
            while let Some((module, callees)) = path.last_mut() {
                match callees.pop() {
                    Some(callee) if std::mem::replace(&mut seen[callee], true) => {}
                    Some(callee) => path.push((callee, self.callees(topology, callee))),
                    None => {
                        callees_first.push(*module);
                        path.pop();
                    }
                }
            }
        }
        callees_first.reverse();
        callees_first
    }

    /// The modules of this process that edges of one lead to, each with all of its replicas.
    fn callees(&self, topology: &Topology, module: usize) -> Vec<usize> {
        let module = topology.all::<Module>().get(&self.started[module].module);
        let nodes = module.iter().flat_map(|module| module.nodes.values());
        let owners: Vec<_> = nodes
            .flat_map(|node| &node.edges)
            .filter_map(|edge| Module::owning(topology, &edge.node))
            .collect();
        let is_called = |it: &Started| owners.iter().any(|owner| owner.name == it.module);
        let started = self.started.iter().enumerate();
        started
            .filter(|(_, it)| is_called(it))
            .map(|(index, _)| index)
            .collect()
    }

    /// The modules of this process and their replicas, in topology order.
    pub fn started(&self) -> &[Started] {
        &self.started
    }

    /// Collects the counters of all modules as OpenMetrics text, also while the system runs. Those of a replica are
    /// labelled with its host's name.
    pub fn metrics(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let names = self.started.iter().map(|it| match it.name == it.module {
            true => String::new(),
            false => it.name.clone(),
        });
        let modules: Vec<_> = self.modules.iter().cloned().zip(names).collect();
        move || metrics::text_of_replicas(modules.iter().map(|(module, name)| (module, name.as_str())))
    }

    /// Serves until `shutdown` is true, or its sender is dropped; then each server drains as
    /// [`Server::run_until`](squall_router::Server::run_until) describes, and reports the requests that it did not wait
    /// for.
    ///
    /// Callers end before their callees, or in-flight requests would be refused at their next hop. No module waits for
    /// others longer than `grace`: after twice that, and a second, all have ended.
    pub async fn run_until(self, shutdown: watch::Receiver<bool>, grace: Duration) -> Vec<(String, Drained)> {
        let servers = self.started.into_iter().zip(self.servers);
        let mut servers: Vec<_> = servers.map(Some).collect();
        let mut previous = None;
        let mut running = Vec::new();
        for (started, server) in self.order.iter().filter_map(|index| servers[*index].take()) {
            let (ends, ended) = oneshot::channel::<()>();
            let previous = previous.replace(ended);
            let mut shutdown = shutdown.clone();
            running.push(async move {
                let told = async {
                    drop(shutdown.wait_for(|told| *told).await);
                    if let Some(previous) = previous {
                        drop(timeout(grace, previous).await);
                    }
                };
                let drained = server.run_until(told, grace).await;
                drop(ends);
                (started.name, drained)
            });
        }
        join_all(running).await
    }
}

impl Layout {
    fn has(&self, module: &Module, host: &str) -> bool {
        let is_named = |it: &String| *it == module.name || it == host;
        self.modules.is_empty() || self.modules.iter().any(is_named)
    }

    /// The port of the host with this index.
    fn port(&self, name: &str, index: usize) -> Result<Option<u16>, StartError> {
        let Some(base) = self.port_base else {
            return Ok(None);
        };
        let port = u16::try_from(index)
            .ok()
            .and_then(|index| base.checked_add(index));
        port.map(Some).ok_or_else(|| StartError::NoPort {
            name: name.to_owned(),
            base,
        })
    }
}

/// Every host of a module, in topology order.
fn hosts(topology: &Topology) -> impl Iterator<Item = (&Module, &str)> {
    let modules = topology.all::<Module>().values();
    modules.flat_map(|module| module.hosts.iter().map(move |host| (module, host.as_str())))
}

fn check(topology: &Topology, layout: &Layout) -> Result<(), StartError> {
    let modules = || topology.all::<Module>().keys().map(String::as_str);
    let unknown = |name: &str, known: Vec<&str>| {
        (!known.contains(&name)).then(|| StartError::UnknownModule {
            name: name.to_owned(),
            topology: topology.name.clone(),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        })
    };
    let mut here = layout.modules.iter();
    let with_hosts = || modules().chain(hosts(topology).map(|(_, host)| host)).collect();
    if let Some(error) = here.find_map(|name| unknown(name, with_hosts())) {
        return Err(error);
    }
    for name in layout.peers.keys() {
        if let Some(error) = unknown(name, modules().collect()) {
            return Err(error);
        }
        let mut hosts = hosts(topology).filter(|(module, _)| module.name == *name);
        if hosts.all(|(module, host)| layout.has(module, host)) {
            return Err(StartError::PeerIsHere { name: name.clone() });
        }
    }
    Ok(())
}
