//! Managers and providers: the content of `[manager.*]` and `[provider.*]`, and their faults and expectations. Spec:
//! provider sections 2 and 3.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::plan::{HostGroup, Latency, Ratio, Recovery, Topology};
use squall_value::{CType, CValue};

/// A host where providers register, and that calls their modules.
#[derive(Debug, Clone, PartialEq)]
pub struct Manager {
    /// Its name, and its host's.
    pub name: String,
    /// How long an active provider may be silent. Default 15 s. Spec: provider 2.1.
    pub heartbeat_timeout: Duration,
    /// How long a registered provider may lack a control plane. Default 30 s.
    pub control_plane_timeout: Duration,
    /// How often active providers get a report of which of their modules are known. Default 30 s.
    pub report_interval: Duration,
    /// The timeout of a call. Default 30 s.
    pub call_timeout: Duration,
    /// Namespaces that providers cannot register.
    pub reserved: Vec<String>,
    /// Modules that run in its own process, by qualified name, in file order.
    pub modules: IndexMap<String, ProviderModule>,
}

/// A process that offers modules of one namespace: one host, or one host per replica.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// The managers where it registers. They exist, and there is at least one.
    pub managers: Vec<String>,
    /// The namespace of its modules.
    pub namespace: String,
    /// Members of a group share a namespace; a provider without a group owns its namespace alone.
    pub group: Option<String>,
    /// The heartbeat interval. Default 5 s. Spec: provider 3.1.
    pub heartbeat_interval: Duration,
    /// How long heartbeats may stay unacknowledged before it considers its manager dead. `None` is three intervals.
    pub ack_timeout: Option<Duration>,
    /// How it retries to register.
    pub reconnect: Reconnect,
    /// By short name, in file order. There is at least one.
    pub modules: IndexMap<String, ProviderModule>,
}

/// How a provider reconnects to a lost manager. Spec: provider 3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// The delay before the first attempt. Default 1 s.
    pub first: Duration,
    /// The maximum delay. Default 60 s.
    pub max: Duration,
    /// How many consecutive attempts may fail. Default 10.
    pub attempts: u32,
}

/// A module of the provider protocol, with its behaviour.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderModule {
    /// `Analyze` for a provider, `ns.Analyze` for a manager.
    pub name: String,
    /// The input type.
    pub input: CType,
    /// The output type.
    pub output: CType,
    /// The behaviour.
    pub handler: Handler,
    /// Informative only.
    pub version: String,
    /// Informative only.
    pub description: String,
}

/// The behaviour of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// Its reply.
    pub answer: Answer,
    /// Its duration; `None` is zero.
    pub delay: Option<Latency>,
    /// The ratio of calls that fail.
    pub errors: Ratio,
    /// When all calls fail.
    pub flaky: Option<Flaky>,
}

/// The reply of a module.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A constant of the declared output type.
    Fixed(CValue),
    /// Those fields of the input that the output declares.
    Echo,
    /// An error with this message.
    Error(String),
}

/// A schedule of good and bad periods that restarts with every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaky {
    /// Duration of the good period. More than zero.
    pub ok: Duration,
    /// Duration of the period in which all calls fail. More than zero.
    pub failing: Duration,
}

/// A trial of a new version of a provider's modules, manager by manager. Spec: provider 3.7.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    /// The provider. It exists.
    pub provider: String,
    /// The hosts that run it, all at the same time.
    pub hosts: Vec<String>,
    /// The new modules, with the same names and types.
    pub modules: IndexMap<String, ProviderModule>,
    /// How long each step is observed.
    pub observation_window: Duration,
    /// The minimum ratio of calls that end ok.
    pub health_threshold: Ratio,
    /// The maximum latency of a call.
    pub max_latency: Duration,
    /// Whether all managers are rolled back if one fails.
    pub rollback: bool,
}

/// A provider's state, as its manager sees it. Spec: provider 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderState {
    /// Accepted, but without a control plane.
    Registered,
    /// It gets calls.
    Active,
    /// It completes in-flight calls, and gets no new ones.
    Draining,
    /// It left, was found dead, or its manager died.
    Deregistered,
}

/// How a canary ends. Spec: provider 3.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CanaryEnd {
    /// All managers have the new version.
    Promoted,
    /// All managers have the old version again.
    RolledBack,
    /// Some managers have the new version, others the old one.
    PartialFailure,
}

impl Manager {
    /// A manager with this name and defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Manager {
            name: name.into(),
            heartbeat_timeout: Duration::from_secs(15),
            control_plane_timeout: Duration::from_secs(30),
            report_interval: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            reserved: vec!["stdlib".to_owned()],
            modules: IndexMap::new(),
        }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect {
            first: Duration::from_secs(1),
            max: Duration::from_secs(60),
            attempts: 10,
        }
    }
}

impl Handler {
    /// A handler that replies at once, without errors.
    pub fn new(answer: Answer) -> Self {
        Handler {
            answer,
            delay: None,
            errors: Ratio::ZERO,
            flaky: None,
        }
    }
}

impl ProviderState {
    /// Every state, with its name in files and journals.
    pub const NAMES: [(&'static str, ProviderState); 4] = [
        ("registered", ProviderState::Registered),
        ("active", ProviderState::Active),
        ("draining", ProviderState::Draining),
        ("deregistered", ProviderState::Deregistered),
    ];

    /// Its name in files and journals.
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, state)| *state == self);
        named.map_or("", |(name, _)| name)
    }
}

impl CanaryEnd {
    /// All ends, with their names in files.
    pub const NAMES: [(&'static str, CanaryEnd); 3] = [
        ("promoted", CanaryEnd::Promoted),
        ("rolled_back", CanaryEnd::RolledBack),
        ("partial_failure", CanaryEnd::PartialFailure),
    ];

    /// Its name in reports and journals: `rolled back`.
    pub fn words(self) -> &'static str {
        match self {
            CanaryEnd::Promoted => "promoted",
            CanaryEnd::RolledBack => "rolled back",
            CanaryEnd::PartialFailure => "partial failure",
        }
    }
}

impl HostGroup for Manager {
    const TABLE: &'static str = "manager";
    const SHOWS_IN_CALLS: bool = false;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        std::slice::from_ref(&self.name)
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.call_timeout)
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn recovery(&self) -> Recovery {
        Recovery::Within(Duration::ZERO)
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, Manager>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

impl HostGroup for Provider {
    const TABLE: &'static str = "provider";
    const SHOWS_IN_CALLS: bool = false;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn call_timeout(&self) -> Option<Duration> {
        None
    }

    fn namespace(&self) -> Option<&str> {
        Some(&self.namespace)
    }

    fn recovery(&self) -> Recovery {
        Recovery::Within(self.reconnect.max)
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, Provider>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

impl Provider {
    /// The provider that a host runs.
    pub fn on<'t>(topology: &'t Topology, host: &str) -> Option<&'t Provider> {
        let runs = |provider: &&Provider| provider.hosts.iter().any(|other| other == host);
        topology.all::<Provider>().values().find(runs)
    }
}

impl ProviderModule {
    /// Every module that a manager may call by this qualified name: its own first, then those of its providers in
    /// file order.
    pub fn called<'t>(
        topology: &'t Topology,
        manager: &str,
        name: &str,
    ) -> impl Iterator<Item = &'t ProviderModule> {
        let managers = topology.all::<Manager>();
        let own = managers
            .get(manager)
            .and_then(|manager| manager.modules.get(name));
        let (namespace, short) = name.rsplit_once('.').unwrap_or(("", name));
        let providers = topology.all::<Provider>().values().filter(move |provider| {
            provider.namespace == namespace && provider.managers.iter().any(|other| other == manager)
        });
        own.into_iter()
            .chain(providers.filter_map(move |provider| provider.modules.get(short)))
    }
}
