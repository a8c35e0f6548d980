//! What faults do to modules other than to end them: nodes that go, come and move, ports that are closed, servers
//! that shut down, and what each host hears of all that.
//!
//! It outlives the processes: one that starts anew finds nodes where they are by then, and hears what its host had
//! heard before.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use squall_router::discovery::{Fact, Registry};
use squall_router::{Discovery, Module, Options};
use squall_sim::{Sim, SimPlatform, Stream};

use super::{Front, Router};
use crate::faults::{Announce, Close, Move};
use crate::plan::{self, Plan, Topology};
use crate::systems::router::assembly::{self, Directory};
use crate::systems::router::components::Ported;

/// What a test does to every module of a run as it starts.
pub(crate) type Prepare = Arc<dyn Fn(&Module<SimPlatform>) + Send + Sync>;

/// How a test changes what a module's file says of its limits.
pub(crate) type Adjust = Arc<dyn Fn(&plan::Module, Options) -> Options + Send + Sync>;

/// How the modules of a run are made, and where faults have put what.
pub(super) struct Stage {
    topology: Arc<Topology>,
    router: Router,
    directory: Arc<Directory>,
    /// What each host has heard of. None of them in a plan without news: then all share the directory.
    registries: IndexMap<String, Arc<Registry>>,
    /// The gates of the nodes that some fault closes: by how many they are closed now.
    gates: IndexMap<String, Arc<AtomicU32>>,
    state: Mutex<State>,
}

/// Where a node is that is not on the module that owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this module.
    Module(String),
    /// Removed.
    Nowhere,
}

/// How much later each host hears of a change at most, and whether it does so a second time.
pub(crate) type Hearing = (Duration, bool);

struct State {
    /// Where faults have put nodes, by fault; the last one counts.
    displaced: IndexMap<String, Vec<(u32, Place)>>,
    /// On which hosts faults say that modules run, by fault; the last one counts.
    announced: IndexMap<String, Vec<(u32, Vec<String>)>>,
    /// The version of the newest fact.
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

    /// A process of `module` on `host`, as it is to be by now.
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

    /// The front of this run's modules.
    pub(super) fn front(&self) -> Arc<dyn Front> {
        self.router.front.clone()
    }

    /// The module that owns a node by what the topology says.
    pub(super) fn owner(&self, node: &str) -> Option<&plan::Module> {
        plan::Module::owning(&self.topology, node)
    }

    fn node(&self, name: &str) -> Option<(&plan::Module, &plan::Node)> {
        let owner = plan::Module::owning(&self.topology, name)?;
        Some((owner, owner.nodes.get(name)?))
    }

    /// The node goes to another place, as the places are that faults put it to. `running` are the processes of a module.
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
            // Settings that were refused would have kept the process from starting.
            drop(self.install(&process, node));
        }
        let Some(old) = old else { return };
        match new {
            // What the old one has begun, it ends.
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

    /// The ports of a node close, or open again.
    pub(super) fn close(&self, node: &str, closed: bool, running: &[Module<SimPlatform>]) {
        if let Some(gate) = self.gates.get(node) {
            match closed {
                true => gate.fetch_add(1, Ordering::Relaxed),
                false => gate.fetch_sub(1, Ordering::Relaxed),
            };
        }
        running.iter().for_each(|process| process.refresh_ports(node));
    }

    /// Discovery says from now on that `module` runs where the last fault says; on all of its hosts when none does.
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

    /// Every host hears of it, each after a time of its own.
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
                    // On its host: what the pool does about it is that host's doing.
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

/// What a topology says, as the first thing that is heard.
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
