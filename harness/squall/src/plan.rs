//! The typed plan of one run: what the files say once names are resolved and the seed has filled in
//! every range. Parse, don't validate: whoever holds a [`Plan`] holds one that can be run.
//!
//! Times are virtual and count from the start of the run. Nothing here knows of TOML, and nothing
//! below here can find a dangling name.

mod limits;
mod provider;
mod window;
mod workload;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use squall_router::{Keepalive, Method, Policy, RetryPolicy};

pub use crate::expectation::{Bounds, CallsExpectation, Check, Expectation, OwnExpectation, Quantile};
pub use crate::faults::{Connects, Fault, FaultKind};
pub use crate::systems::provider::{CanaryExpectation, ProviderCheck, ProviderExpectation};
pub use crate::target::{ClientCall, ModuleCall, NodePort, PipelineRun, Target};
pub use limits::Limits;
pub use provider::{
    Answer, Canary, CanaryEnd, Flaky, Handler, Manager, Provider, ProviderModule, ProviderState, Reconnect,
};
pub use squall_sim::{ClockShift, EngineKind};
pub use window::Window;
pub use workload::{Arrival, Workload};

/// A system, as `[module.*]`, `[manager.*]`, `[provider.*]`, `[network]` and `[[link]]` describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// The file's `name`.
    pub name: String,
    /// The file's `description`.
    pub description: Option<String>,
    /// What every link has unless a [`Link`] says otherwise.
    pub network: Network,
    /// Exceptions, in file order: the last one that matches a pair of hosts wins, field by field.
    pub links: Vec<Link>,
    /// By module name, in file order.
    pub modules: IndexMap<String, Module>,
    /// By name, in file order.
    pub managers: IndexMap<String, Manager>,
    /// By name, in file order.
    pub providers: IndexMap<String, Provider>,
    /// By name, in file order.
    pub services: IndexMap<String, Service>,
}

impl Topology {
    /// Every host, whatever it runs: of modules, of managers, of providers, of services, each in file order.
    pub fn all_hosts(&self) -> impl Iterator<Item = &str> {
        let modules = self.hosts().map(|(host, _)| host);
        let managers = self.managers.keys().map(String::as_str);
        let providers = self.providers.values().flat_map(|provider| &provider.hosts);
        let services = self.services.values().flat_map(|service| &service.hosts);
        let of_providers = providers.map(String::as_str);
        modules
            .chain(managers)
            .chain(of_providers)
            .chain(services.map(String::as_str))
    }

    /// Every host where calls can start, and how long a call from there may take that does not say so itself.
    pub fn call_timeouts(&self) -> impl Iterator<Item = (&str, Duration)> {
        let modules = self.hosts().map(|(host, module)| (host, module.call_timeout));
        let managers = self.managers.values();
        let managers = managers.map(|manager| (manager.name.as_str(), manager.call_timeout));
        let services = self.services.values().flat_map(|service| &service.hosts);
        let services = services.map(|host| (host.as_str(), Service::CALL_TIMEOUT));
        modules.chain(managers).chain(services)
    }

    /// That of one host. Nothing: no call can start there.
    pub fn call_timeout(&self, host: &str) -> Option<Duration> {
        let mut all = self.call_timeouts();
        all.find_map(|(name, timeout)| (name == host).then_some(timeout))
    }

    /// The hosts of what has this name: a module, a manager, a provider or a service; or the host of this name.
    pub fn hosts_of(&self, name: &str) -> Option<Vec<String>> {
        let modules = self.modules.get(name).map(|it| &it.hosts);
        let providers = || self.providers.get(name).map(|it| &it.hosts);
        let services = || self.services.get(name).map(|it| &it.hosts);
        let group = modules.or_else(providers).or_else(services).cloned();
        group.or_else(|| {
            self.all_hosts()
                .find(|host| *host == name)
                .map(|host| vec![host.to_owned()])
        })
    }

    /// The name of the service that a host runs; the host's own when it runs none.
    pub(crate) fn service_of<'t>(&'t self, host: &'t str) -> &'t str {
        let runs = |service: &&Service| service.hosts.iter().any(|other| other == host);
        let service = self.services.values().find(runs);
        service.map_or(host, |service| &service.name)
    }

    /// The provider that a host runs.
    pub fn provider_on(&self, host: &str) -> Option<&Provider> {
        let runs = |provider: &&Provider| provider.hosts.iter().any(|other| other == host);
        self.providers.values().find(runs)
    }

    /// Every module that a manager may call by this qualified name: its own one first, then those of its providers in
    /// file order.
    pub fn modules_called(&self, manager: &str, name: &str) -> impl Iterator<Item = &ProviderModule> {
        let own = self
            .managers
            .get(manager)
            .and_then(|manager| manager.modules.get(name));
        let (namespace, short) = name.rsplit_once('.').unwrap_or(("", name));
        let providers = self.providers.values().filter(move |provider| {
            provider.namespace == namespace && provider.managers.iter().any(|other| other == manager)
        });
        own.into_iter()
            .chain(providers.filter_map(move |provider| provider.modules.get(short)))
    }

    /// Every host of a module with that module, in file order.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Module)> {
        self.modules
            .values()
            .flat_map(|module| module.hosts.iter().map(move |host| (host.as_str(), module)))
    }

    /// The module that owns `node`.
    pub fn owner(&self, node: &str) -> Option<&Module> {
        self.modules
            .values()
            .find(|module| module.nodes.contains_key(node))
    }
}

/// What a link has unless something says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// One-way delay.
    pub latency: Latency,
    /// How many segments are lost, each way.
    pub loss: Ratio,
    /// How much crosses each way; any amount at once when absent.
    pub bandwidth: Option<Bandwidth>,
    /// What carries the bytes of all links.
    pub engine: EngineKind,
}

/// An exception to [`Network`] for some pairs of hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Which ordered pairs of hosts it is about.
    pub pairs: Pairs,
    /// One-way delay, when it differs.
    pub latency: Option<Latency>,
    /// Loss, when it differs.
    pub loss: Option<Ratio>,
    /// Bandwidth, when it differs.
    pub bandwidth: Option<Bandwidth>,
}

/// Ordered pairs of hosts: from each of `from` to each of `to`, and back when `both_ways`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Host names.
    pub from: Vec<String>,
    /// Host names.
    pub to: Vec<String>,
    /// Whether the way back is meant too.
    pub both_ways: bool,
}

/// How long a segment takes, one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Evenly spread, both ends included.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A log-normal distribution, given by two of its quantiles.
    LogNormal {
        /// Half of all segments take at most this.
        median: Duration,
        /// 99 of 100 segments take at most this. Not below `median`.
        p99: Duration,
    },
}

/// How much payload crosses a link, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Bandwidth {
    /// Payload bits: headers are not counted.
    pub bits_per_second: NonZeroU64,
}

/// A probability as a ratio of integers: no floats decide anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// So many...
    pub numerator: u32,
    /// ...of so many. Never zero; never below `numerator`.
    pub denominator: u32,
}

impl Ratio {
    /// Never.
    pub const ZERO: Ratio = Ratio {
        numerator: 0,
        denominator: 1,
    };
}

/// As something to draw by.
impl From<Ratio> for squall_sim::Chance {
    fn from(ratio: Ratio) -> Self {
        Self::new(ratio.numerator, ratio.denominator)
    }
}

/// As a link has it.
impl From<Bandwidth> for squall_sim::Bandwidth {
    fn from(bandwidth: Bandwidth) -> Self {
        bandwidth.bits_per_second.into()
    }
}

/// As something to draw from.
impl From<&Latency> for squall_sim::Latency {
    fn from(latency: &Latency) -> Self {
        match *latency {
            Latency::Constant(value) => Self::constant(value),
            Latency::Uniform { min, max } => Self::uniform(min, max),
            Latency::LogNormal { median, p99 } => Self::log_normal(median, p99),
        }
    }
}

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

/// A service of a user's own: one host, or one host per replica, each of which runs its code.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// The name under which its code is registered.
    pub runs: String,
    /// What its code takes, as JSON. An object, empty when the file has none.
    pub settings: serde_json::Value,
}

impl Service {
    /// How long the calls of clients on its hosts may take that do not say so themselves.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
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

/// One run, complete: nothing is left for the seed to fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// The system that it runs.
    pub topology: Arc<Topology>,
    /// From which everything random derives.
    pub seed: u64,
    /// How long the run lasts, in virtual time.
    pub duration: Duration,
    /// How long the run may take on the wall clock before the watchdog ends it.
    pub wall_limit: Duration,
    /// With which probability a ready task is put back once before it is polled.
    pub interleave: Ratio,
    /// They run concurrently.
    pub workloads: Vec<Workload>,
    /// They run concurrently. A fault's id is its place here.
    pub faults: Vec<Fault>,
    /// What must hold at the end.
    pub expectations: Vec<Arc<dyn Expectation>>,
    /// What the seed filled in: (which key, which value), for the report.
    pub drawn: Vec<(String, String)>,
}

impl Plan {
    /// The faults of one kind, with their numbers.
    pub fn faults_of<K: FaultKind>(&self) -> impl Iterator<Item = (u32, &Fault, &K)> {
        let numbered = (0_u32..).zip(&self.faults);
        numbered.filter_map(|(number, fault)| Some((number, fault, fault.kind.downcast_ref()?)))
    }

    /// The same on this engine, whatever the topology says.
    #[must_use]
    pub fn on_engine(mut self, engine: EngineKind) -> Self {
        Arc::make_mut(&mut self.topology).network.engine = engine;
        self
    }
}
