//! A host for every module, with the module's real scheduler, client pool and gRPC server.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use squall_router::Module;
use squall_sim::{HostId, HostPairs, LinkRule, Sim, SimPlatform};
use tokio::sync::Notify;

use super::{bandwidth, chance, latency};
use crate::assembly::{Directory, PORT, assemble};
use crate::components::Components;
use crate::plan::{self, Pairs, Topology};

/// The modules of a run, by host.
#[derive(Clone)]
pub(super) struct World(Arc<Shared>);

struct Shared {
    /// The module of each host's newest process, with that process's incarnation.
    modules: Mutex<IndexMap<HostId, (u32, Module<SimPlatform>)>>,
    came_up: Notify,
    hosts: Vec<HostId>,
}

impl World {
    /// The module that runs on a host; none before its process has set it up.
    pub(super) fn module(&self, host: HostId, incarnation: u32) -> Option<Module<SimPlatform>> {
        let modules = self.0.modules.lock().unwrap_or_else(PoisonError::into_inner);
        modules
            .get(&host)
            .filter(|(of, _)| *of == incarnation)
            .map(|(_, module)| module.clone())
    }

    /// Waits until every host has come up for the first time.
    pub(super) async fn all_up(&self) {
        loop {
            let up = self
                .0
                .modules
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .len();
            if up >= self.0.hosts.len() {
                return;
            }
            self.0.came_up.notified().await;
        }
    }
}

/// Makes the hosts of a topology and starts them.
pub(super) fn build(sim: &Sim, topology: &Arc<Topology>, components: &Components) -> World {
    let directory = Arc::new(Directory::of(topology));
    let shared = Arc::new_cyclic(|shared: &std::sync::Weak<Shared>| {
        let mut hosts = Vec::new();
        for (host, module) in topology.hosts() {
            let (shared, module, components, directory) = (
                shared.clone(),
                module.clone(),
                components.clone(),
                directory.clone(),
            );
            hosts.push(sim.add_host(host, move |platform| {
                let shared = shared.upgrade();
                let process = assemble(platform.clone(), &module, &components, directory.clone());
                async move {
                    let module = process?;
                    let server = module.bind(PORT).await.map_err(|error| error.to_string())?;
                    if let Some(shared) = shared {
                        let mut modules = shared.modules.lock().unwrap_or_else(PoisonError::into_inner);
                        modules.insert(platform.host_id(), (platform.incarnation(), module));
                        shared.came_up.notify_one();
                    }
                    server.run().await;
                    Ok(())
                }
            }));
        }
        Shared {
            modules: Mutex::default(),
            came_up: Notify::new(),
            hosts,
        }
    });
    sim.set_link_rules(topology.links.iter().map(|link| link_rule(sim, link)).collect());
    for host in &shared.hosts {
        sim.start(*host);
    }
    World(shared)
}

fn link_rule(sim: &Sim, link: &plan::Link) -> LinkRule {
    LinkRule {
        pairs: host_pairs(sim, &link.pairs),
        latency: link.latency.as_ref().map(latency),
        loss: link.loss.map(chance),
        bandwidth: link.bandwidth.map(bandwidth),
    }
}

/// The simulator's numbers for a plan's names.
pub(super) fn host_pairs(sim: &Sim, pairs: &Pairs) -> HostPairs {
    let set = |names: &[String]| names.iter().filter_map(|name| sim.host(name)).collect();
    HostPairs {
        from: set(&pairs.from),
        to: set(&pairs.to),
        both_ways: pairs.both_ways,
    }
}
