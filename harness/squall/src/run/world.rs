//! A host for every module, with the module's real scheduler, client pool and gRPC server.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use squall_router::Module;
use squall_sim::{HostId, HostPairs, LinkRule, Sim, SimPlatform};
use tokio::sync::Notify;

use super::stage::Stage;
use super::{bandwidth, chance, latency};
use crate::assembly::PORT;
use crate::plan::{self, Pairs, Plan};

/// The modules of a run, by host.
#[derive(Clone)]
pub(super) struct World(Arc<Shared>);

struct Shared {
    /// The module of each host's newest process, with that process's incarnation.
    modules: Mutex<IndexMap<HostId, (u32, Module<SimPlatform>)>>,
    came_up: Notify,
    hosts: Vec<HostId>,
    stage: Arc<Stage>,
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

    /// Where faults put nodes, and what they say of modules.
    pub(super) fn stage(&self) -> &Stage {
        &self.0.stage
    }

    /// The processes of `module` that run now.
    pub(super) fn running(&self, sim: &Sim, module: &plan::Module) -> Vec<Module<SimPlatform>> {
        let modules = self.0.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = module.hosts.iter().filter_map(|host| sim.host(host));
        let up = hosts.filter(|host| sim.is_up(*host));
        up.filter_map(|host| modules.get(&host).map(|(_, module)| module.clone()))
            .collect()
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

/// Makes the hosts of a plan and starts them.
pub(super) fn build(sim: &Sim, plan: &Plan, stage: Stage) -> World {
    let topology = &plan.topology;
    let stage = Arc::new(stage);
    let shared = Arc::new_cyclic(|shared: &std::sync::Weak<Shared>| {
        let mut hosts = Vec::new();
        for (host, module) in topology.hosts() {
            let (shared, stage, name) = (shared.clone(), stage.clone(), host.to_owned());
            let (module, clock) = (module.clone(), sim.clone());
            hosts.push(sim.add_host(host, move |platform| {
                let shared = shared.upgrade();
                let process = stage.assemble(platform.clone(), &name, &module);
                let drain = stage.next_drain(&name, clock.now());
                async move {
                    let module = process?;
                    let server = module.bind(PORT).await.map_err(|error| error.to_string())?;
                    if let Some(shared) = shared {
                        let mut modules = shared.modules.lock().unwrap_or_else(PoisonError::into_inner);
                        modules.insert(platform.host_id(), (platform.incarnation(), module));
                        shared.came_up.notify_one();
                    }
                    match drain {
                        // Most hosts: their requests need not listen for the end.
                        None => server.run().await,
                        Some((drain, grace)) => {
                            let told = async move { drain.notified().await };
                            server.run_until(told, grace).await;
                        }
                    }
                    Ok(())
                }
            }));
        }
        Shared {
            modules: Mutex::default(),
            came_up: Notify::new(),
            hosts,
            stage: stage.clone(),
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
