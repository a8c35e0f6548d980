//! One host per module, with the module's real scheduler, client pool and gRPC server.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use squall_core::faults::{End, Scene};
use squall_core::hosting::{Newest, Running, Start};
use squall_core::run::Recorder;
use squall_router::Module;
use squall_sim::{HostId, Sim, SimPlatform};

use super::stage::{Hearing, Place, Stage};
use super::{Front, counters};
use crate::assembly::PORT;
use crate::plan;

/// The modules of a run, by host. Clones share them.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    newest: Newest<Process>,
    /// Previous processes, kept for their counters.
    past: Mutex<Vec<Process>>,
    hosts: Vec<HostId>,
    stage: Stage,
}

/// A process, and the module that runs in it.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) platform: SimPlatform,
    pub(super) module: Module<SimPlatform>,
}

#[async_trait]
impl Running for World {
    async fn settled(&self) {
        self.0.newest.all_up(self.0.hosts.len()).await;
    }

    fn ended(&self, recorder: &Recorder) {
        counters::record(&self.processes(), recorder);
    }
}

impl World {
    /// The module in this process; waits until it is set up.
    pub(crate) async fn module(&self, process: &SimPlatform) -> Module<SimPlatform> {
        self.0.newest.of(process).await.module
    }

    /// The layer between workloads and modules.
    pub(super) fn front(&self) -> Arc<dyn Front> {
        self.0.stage.front()
    }

    /// The running processes of `module`.
    fn running(&self, sim: &Sim, module: &plan::Module) -> Vec<Module<SimPlatform>> {
        let hosts = module.hosts.iter().filter_map(|host| sim.host(host));
        let up = hosts.filter(|host| sim.is_up(*host));
        up.filter_map(|host| Some(self.0.newest.on(host)?.module))
            .collect()
    }

    /// All processes of the run, sorted by host and start.
    fn processes(&self) -> Vec<Process> {
        let mut processes = self.0.past.lock().unwrap_or_else(PoisonError::into_inner).clone();
        processes.extend(self.0.newest.all().into_iter().map(|(_, process)| process));
        processes.sort_by_key(|process| (process.platform.host_id(), process.platform.incarnation()));
        processes
    }

    /// Moves or removes a node until the fault ends. The latest of several faults wins.
    pub(crate) async fn elsewhere(
        &self,
        scene: &Scene,
        node: &str,
        place: Place,
        hearing: Hearing,
        end: End,
    ) {
        let (stage, sim, number) = (&self.0.stage, scene.sim(), scene.number());
        let running = |module: &_| self.running(sim, module);
        stage.put(sim, node, |places| places.push((number, place)), hearing, running);
        end.reached(scene).await;
        let is_other = |(fault, _): &(u32, Place)| *fault != number;
        stage.put(sim, node, |places| places.retain(is_other), hearing, running);
    }

    /// Closes the ports of a node until the fault ends.
    pub(crate) async fn closed(&self, scene: &Scene, node: &str, end: End) {
        let close = |closed| {
            if let Some(owner) = self.0.stage.owner(node) {
                self.0
                    .stage
                    .close(node, closed, &self.running(scene.sim(), owner));
            }
        };
        close(true);
        end.reached(scene).await;
        close(false);
    }

    /// Announces a module on these hosts until the fault ends. The latest of several faults wins.
    pub(crate) async fn announced(
        &self,
        scene: &Scene,
        module: &str,
        hosts: &[String],
        (late, twice): Hearing,
        end: End,
    ) {
        let (stage, sim, number) = (&self.0.stage, scene.sim(), scene.number());
        let hosts = hosts.to_vec();
        stage.announce(sim, module, |said| said.push((number, hosts)), late, twice);
        end.reached(scene).await;
        let is_other = |(fault, _): &(u32, Vec<String>)| *fault != number;
        stage.announce(sim, module, |said| said.retain(is_other), late, twice);
    }
}

/// Creates the hosts of a plan and starts them.
pub(super) fn build(start: &Start<'_>, stage: Stage) -> World {
    let (sim, topology) = (start.sim, &start.plan.topology);
    let shared = Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
        newest: Newest::default(),
        past: Mutex::default(),
        hosts: plan::Module::on_hosts(topology)
            .map(|(host, module)| add_host(start, host, module, shared.clone()))
            .collect(),
        stage,
    });
    for host in &shared.hosts {
        sim.start(*host);
    }
    World(shared)
}

fn add_host(start: &Start<'_>, host: &str, module: &plan::Module, shared: Weak<Shared>) -> HostId {
    let (name, module) = (host.to_owned(), module.clone());
    let (clock, drains) = (start.sim.clone(), start.drains.clone());
    start.sim.add_host(host, move |platform| {
        let shared = shared.upgrade();
        let made = shared
            .as_ref()
            .map(|it| it.stage.assemble(platform.clone(), &name, &module));
        let drain = drains.next(&name, clock.now());
        async move {
            let (Some(shared), Some(module)) = (shared, made) else {
                return Ok(());
            };
            let module = module?;
            let server = module.bind(PORT).await.map_err(|error| error.to_string())?;
            shared.came_up(Process { platform, module });
            drop(shared);
            match drain {
                // Most hosts: without a drain fault, requests need not watch for a shutdown.
                None => server.run().await,
                Some((drain, grace)) => {
                    let told = async move { drain.notified().await };
                    server.run_until(told, grace).await;
                }
            }
            Ok(())
        }
    })
}

impl Shared {
    fn came_up(&self, process: Process) {
        let platform = &process.platform;
        let id = (platform.host_id(), platform.incarnation());
        if let Some(before) = self.newest.came_up(id, process) {
            self.past
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(before);
        }
    }
}
