//! Effects of faults on modules, other than killing them: nodes that are removed, installed and moved, closed ports,
//! server drains, and the discovery updates that each host gets.
//!
//! It outlives the processes: a restarted one finds the current placement of nodes, and the updates that its host has
//! received so far.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::plan::{Plan, Topology};
use squall_router::discovery::{Fact, Registry};
use squall_router::{Discovery, Module, Options};
use squall_sim::{Sim, SimPlatform, Stream};

use super::{Front, Router};
use crate::assembly::{self, Directory};
use crate::components::Ported;
use crate::faults::{Announce, Close, Move};
use crate::plan;

/// A test's hook for every module of a run at its start.
pub(crate) type Prepare = Arc<dyn Fn(&Module<SimPlatform>) + Send + Sync>;

/// A test's override of a module's limits.
pub(crate) type Adjust = Arc<dyn Fn(&plan::Module, Options) -> Options + Send + Sync>;

/// Builds the modules of a run, and holds the state that faults change.
pub(super) struct Stage {
    topology: Arc<Topology>,
    router: Router,
    directory: Arc<Directory>,
    /// The registry of each host. Empty if the plan has no discovery updates: then all hosts share the directory.
    registries: IndexMap<String, Arc<Registry>>,
    /// The gates of nodes that some fault closes: how many faults do so now.
    gates: IndexMap<String, Arc<AtomicU32>>,
    state: Mutex<State>,
}

/// The place of a node that is not at its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this module.
    Module(String),
    /// Removed.
    Nowhere,
}

/// The maximum propagation delay of an update, and whether each host gets it twice.
pub(crate) type Hearing = (Duration, bool);

struct State {
    /// Places of nodes by fault; the last one wins.
    displaced: IndexMap<String, Vec<(u32, Place)>>,
    /// Announced hosts of modules by fault; the last one wins.
    announced: IndexMap<String, Vec<(u32, Vec<String>)>>,
    /// The version of the latest update.
    version: u64,
    news: Stream,
}

impl Stage {
    pub(super) fn of(plan: &Plan, router: &Router) -> Self {
        let topology = &plan.topology;
        let has_news =
            plan.faults_of::<Move>().next().is_some() || plan.faults_of::<Announce>().next().is_some();
        let registries = plan::Module::on_hosts(topology).filter(|_| has_news);
        let closed = plan
            .faults_of::<Close>()
            .map(|(_, _, close)| (close.node.clone(), Arc::default()));
        Stage {
            registries: registries
                .map(|(host, _)| (host.to_owned(), Arc::new(registry(topology))))
                .collect(),
            directory: Arc::new(Directory::of(topology)),
            topology: topology.clone(),
            router: router.clone(),
            gates: closed.collect(),
            state: Mutex::new(State {
                displaced: IndexMap::new(),
                announced: IndexMap::new(),
                version: 1,
                news: Stream::new(plan.seed, "news"),
            }),
        }
    }

    /// Builds a process of `module` on `host` in its current state.
    pub(super) fn assemble(
        &self,
        platform: SimPlatform,
        host: &str,
        module: &plan::Module,
    ) -> Result<Module<SimPlatform>, String> {
        let options = (self.router.adjust)(module, assembly::options(module));
        let process = Module::new(platform, module.name.as_str(), options);
        process.discover(self.discovery(host));
        assembly::set_methods(&process, module, &self.topology);
        for node in self.nodes_of(module) {
            self.install(&process, node)?;
        }
        (self.router.prepare)(&process);
        Ok(process)
    }

    fn discovery(&self, host: &str) -> Arc<dyn Discovery> {
        match self.registries.get(host) {
            Some(registry) => registry.clone(),
            None => self.directory.clone(),
        }
    }

    /// The nodes that are on `module` now.
    fn nodes_of<'a>(&'a self, module: &plan::Module) -> Vec<&'a plan::Node> {
        let displaced = self.state().displaced.clone();
        let place = |node: &str| displaced.get(node).and_then(|places| places.last());
        let is_here = |owner: &plan::Module, node: &str| match place(node) {
            None => owner.name == module.name,
            Some((_, Place::Module(name))) => *name == module.name,
            Some((_, Place::Nowhere)) => false,
        };
        let all = self.topology.all::<plan::Module>().values();
        all.flat_map(|owner| owner.nodes.values().map(move |node| (owner, node)))
            .filter(|(owner, node)| is_here(owner, &node.name))
            .map(|(_, node)| node)
            .collect()
    }

    fn install(&self, process: &Module<SimPlatform>, node: &plan::Node) -> Result<(), String> {
        let mut component = assembly::make(&self.router.components, node)?;
        if let Some(closed) = self.gates.get(&node.name) {
            component = Arc::new(Ported::behind_gate(component, closed.clone()));
        }
        assembly::install(process, node, component);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The layer between workloads and this run's modules.
    pub(super) fn front(&self) -> Arc<dyn Front> {
        self.router.front.clone()
    }

    /// The owner of a node according to the topology.
    pub(crate) fn owner(&self, node: &str) -> Option<&plan::Module> {
        plan::Module::owning(&self.topology, node)
    }

    fn node(&self, name: &str) -> Option<(&plan::Module, &plan::Node)> {
        let owner = plan::Module::owning(&self.topology, name)?;
        Some((owner, owner.nodes.get(name)?))
    }

    /// Moves the node to its current place. `running` are the processes of a module.
    pub(super) fn put(
        &self,
        sim: &Sim,
        name: &str,
        change: impl FnOnce(&mut Vec<(u32, Place)>),
        (late, twice): Hearing,
        running: impl Fn(&plan::Module) -> Vec<Module<SimPlatform>>,
    ) {
        let Some((owner, node)) = self.node(name) else {
            return;
        };
        let (before, after) = {
            let mut state = self.state();
            let places = state.displaced.entry(name.to_owned()).or_default();
            let before = places.last().map(|(_, place)| place.clone());
            change(places);
            (before, places.last().map(|(_, place)| place.clone()))
        };
        if before == after {
            return;
        }
        let module = |place: &Option<Place>| match place {
            None => Some(owner),
            Some(Place::Module(name)) => self.topology.all::<plan::Module>().get(name),
            Some(Place::Nowhere) => None,
        };
        let (old, new) = (module(&before), module(&after));
        for process in new.into_iter().flat_map(&running) {
            // Invalid settings would have kept the process from starting.
            drop(self.install(&process, node));
        }
        let Some(old) = old else { return };
        match new {
            // The old instance completes its executions.
            Some(new) => {
                self.tell(sim, late, twice, |version| {
                    let fact = Fact::Owner {
                        node: name.into(),
                        module: Some(new.name.as_str().into()),
                    };
                    (version, fact)
                });
                for process in running(old) {
                    process.uninstall(name);
                    process.remove_node(name);
                }
            }
            None => running(old).iter().for_each(|process| {
                process.destroy(name);
            }),
        }
    }

    /// Closes or opens the ports of a node.
    pub(super) fn close(&self, node: &str, closed: bool, running: &[Module<SimPlatform>]) {
        if let Some(gate) = self.gates.get(node) {
            match closed {
                true => gate.fetch_add(1, Ordering::Relaxed),
                false => gate.fetch_sub(1, Ordering::Relaxed),
            };
        }
        running.iter().for_each(|process| process.refresh_ports(node));
    }

    /// Announces `module` on the hosts of the last active fault, or on all of its hosts without one.
    pub(super) fn announce(
        &self,
        sim: &Sim,
        module: &str,
        change: impl FnOnce(&mut Vec<(u32, Vec<String>)>),
        late: Duration,
        twice: bool,
    ) {
        let Some(home) = self.topology.all::<plan::Module>().get(module) else {
            return;
        };
        let hosts = {
            let mut state = self.state();
            let said = state.announced.entry(module.to_owned()).or_default();
            change(said);
            said.last()
                .map_or_else(|| home.hosts.clone(), |(_, hosts)| hosts.clone())
        };
        self.tell(sim, late, twice, |version| (version, endpoints(module, &hosts)));
    }

    /// Sends an update to every host, with a propagation delay for each.
    fn tell(&self, sim: &Sim, late: Duration, twice: bool, fact: impl Fn(u64) -> (u64, Fact)) {
        let version = {
            let mut state = self.state();
            state.version += 1;
            state.version
        };
        for (host, registry) in &self.registries {
            let Some(id) = sim.host(host) else { continue };
            for _ in 0..=usize::from(twice) {
                let delay = self.delay(late);
                let (registry, (version, fact)) = (registry.clone(), fact(version));
                let sim = sim.clone();
                sim.clone().spawn(async move {
                    if !delay.is_zero() {
                        sim.sleep(delay).await;
                    }
                    let heard = (registry.clone(), fact.clone());
                    // On its host, so that the pool's reaction is attributed to it.
                    let told = sim.run_on(id, move |_| async move { heard.0.apply(version, heard.1) });
                    if told.await.is_err() {
                        registry.apply(version, fact);
                    }
                });
            }
        }
    }

    fn delay(&self, late: Duration) -> Duration {
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        match millis {
            0 => Duration::ZERO,
            millis => Duration::from_millis(self.state().news.bits() % (millis + 1)),
        }
    }
}

/// The registry's initial content, from the topology.
fn registry(topology: &Topology) -> Registry {
    let registry = Registry::new();
    let facts = topology.all::<plan::Module>().values().flat_map(|module| {
        let owner = |node: &String| Fact::Owner {
            node: node.as_str().into(),
            module: Some(module.name.as_str().into()),
        };
        let owners = module.nodes.keys().map(owner);
        owners.chain([endpoints(&module.name, &module.hosts)])
    });
    registry.replace(1, facts.map(|fact| (1, fact)));
    registry
}

fn endpoints(module: &str, hosts: &[String]) -> Fact {
    let hosts: BTreeSet<&String> = hosts.iter().collect();
    Fact::Endpoints {
        module: module.into(),
        endpoints: hosts.into_iter().map(|host| assembly::authority(host)).collect(),
    }
}
