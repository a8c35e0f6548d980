//! A host for every module, with the module's real scheduler, client pool and gRPC server.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use squall_router::Module;
use squall_sim::{HostId, HostPairs, LinkRule, Sim, SimPlatform};
use tokio::sync::Notify;

use super::stage::Stage;
use super::{bandwidth, chance, latency};
use crate::assembly::PORT;
use crate::plan::{self, Pairs, Plan, Topology};

/// The modules of a run, by host.
#[derive(Clone)]
pub(super) struct World(Arc<Shared>);

struct Shared {
    /// The newest process of each host.
    newest: Mutex<IndexMap<HostId, Process>>,
    /// Those before, which are kept for what they have counted.
    past: Mutex<Vec<Process>>,
    came_up: Notify,
    hosts: Vec<HostId>,
    stage: Arc<Stage>,
}

/// A process, and the module that runs in it.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) platform: SimPlatform,
    pub(super) module: Module<SimPlatform>,
}

impl World {
    /// The module that runs on a host; none before its process has set it up.
    pub(super) fn module(&self, host: HostId, incarnation: u32) -> Option<Module<SimPlatform>> {
        let newest = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest
            .get(&host)
            .filter(|process| process.platform.incarnation() == incarnation)
            .map(|process| process.module.clone())
    }

    /// Where faults put nodes, and what they say of modules.
    pub(super) fn stage(&self) -> &Stage {
        &self.0.stage
    }

    /// The processes of `module` that run now.
    pub(super) fn running(&self, sim: &Sim, module: &plan::Module) -> Vec<Module<SimPlatform>> {
        let newest = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = module.hosts.iter().filter_map(|host| sim.host(host));
        let up = hosts.filter(|host| sim.is_up(*host));
        up.filter_map(|host| newest.get(&host).map(|process| process.module.clone()))
            .collect()
    }

    /// Every process that there was, in the order of their hosts and starts.
    pub(super) fn processes(&self) -> Vec<Process> {
        let newest = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut processes = self.0.past.lock().unwrap_or_else(PoisonError::into_inner).clone();
        processes.extend(newest.values().cloned());
        processes.sort_by_key(|process| (process.platform.host_id(), process.platform.incarnation()));
        processes
    }

    /// Waits until every host has come up for the first time.
    pub(super) async fn all_up(&self) {
        loop {
            let up = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner).len();
            if up >= self.0.hosts.len() {
                return;
            }
            self.0.came_up.notified().await;
        }
    }
}

/// Makes the hosts of a plan and starts them.
pub(super) fn build(sim: &Sim, plan: &Plan, stage: &Arc<Stage>) -> World {
    let topology = &plan.topology;
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
                        shared.came_up(Process { platform, module });
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
            newest: Mutex::default(),
            past: Mutex::default(),
            came_up: Notify::new(),
            hosts,
            stage: stage.clone(),
        }
    });
    for host in &shared.hosts {
        sim.start(*host);
    }
    World(shared)
}

/// Lays the links of a topology, once all of its hosts are there.
pub(super) fn lay_links(sim: &Sim, topology: &Topology) {
    sim.set_link_rules(topology.links.iter().map(|link| link_rule(sim, link)).collect());
}

impl Shared {
    fn came_up(&self, process: Process) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = newest.insert(process.platform.host_id(), process) {
            let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
            past.push(before);
        }
        self.came_up.notify_one();
    }
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
