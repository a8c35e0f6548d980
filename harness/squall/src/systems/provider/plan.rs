//! Managers and providers: what `[manager.*]` and `[provider.*]` describe, what a scenario does to them, and what it
//! expects of them. Spec: provider sections 2 and 3.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_value::{CType, CValue};

use crate::plan::{HostGroup, Latency, Ratio, Recovery, Topology};

/// A host that providers register with, and that calls their modules.
#[derive(Debug, Clone, PartialEq)]
pub struct Manager {
    /// Its name, and its host's.
    pub name: String,
    /// How long an active provider may be silent. 15 s unless the file says otherwise. Spec: provider 2.1.
    pub heartbeat_timeout: Duration,
    /// How long a registered provider may be without a control plane. 30 s unless the file says otherwise.
    pub control_plane_timeout: Duration,
    /// How often active providers are told which of their modules are known. 30 s unless the file says otherwise.
    pub report_interval: Duration,
    /// How long a call may take. 30 s unless the file says otherwise.
    pub call_timeout: Duration,
    /// Namespaces that no provider can have.
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
    /// The managers that it registers with. They exist, and there is at least one.
    pub managers: Vec<String>,
    /// The namespace of its modules.
    pub namespace: String,
    /// Members of one group share a namespace; without a group a provider has its namespace for itself.
    pub group: Option<String>,
    /// How often it says that it is alive. 5 s unless the file says otherwise. Spec: provider 3.1.
    pub heartbeat_interval: Duration,
    /// How long its heartbeats may be without an answer before it takes its manager for dead. Three intervals when
    /// absent.
    pub ack_timeout: Option<Duration>,
    /// When it tries again to register.
    pub reconnect: Reconnect,
    /// By short name, in file order. There is at least one.
    pub modules: IndexMap<String, ProviderModule>,
}

/// How a provider comes back to a manager that it has lost. Spec: provider 3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// The delay before the first attempt. 1 s unless the file says otherwise.
    pub first: Duration,
    /// The longest delay. 60 s unless the file says otherwise.
    pub max: Duration,
    /// How many attempts may fail in a row. 10 unless the file says otherwise.
    pub attempts: u32,
}

/// A module of the provider protocol, and what it does when it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderModule {
    /// `Analyze` of a provider, `ns.Analyze` of a manager.
    pub name: String,
    /// What it takes.
    pub input: CType,
    /// What it gives.
    pub output: CType,
    /// What it does.
    pub handler: Handler,
    /// For people.
    pub version: String,
    /// For people.
    pub description: String,
}

/// What a module does when it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// What it answers.
    pub answer: Answer,
    /// How long it takes. No time at all when absent.
    pub delay: Option<Latency>,
    /// How many calls fail.
    pub errors: Ratio,
    /// When all calls fail.
    pub flaky: Option<Flaky>,
}

/// What a module answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Always this. It is of the declared output type.
    Fixed(CValue),
    /// Those fields of the input that the output declares.
    Echo,
    /// An error that says this.
    Error(String),
}

/// A schedule of good and bad times that starts anew with every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaky {
    /// For so long all is well. More than zero.
    pub ok: Duration,
    /// Then all calls fail for so long. More than zero.
    pub failing: Duration,
}

/// A new version of a provider's modules that is tried out, manager by manager. Spec: provider 3.7.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    /// The provider. It exists.
    pub provider: String,
    /// The hosts that try it out, all at the same time.
    pub hosts: Vec<String>,
    /// The modules as they are to be: the names and types of those before.
    pub modules: IndexMap<String, ProviderModule>,
    /// How long each step is watched.
    pub observation_window: Duration,
    /// The least share of calls that have to be ok.
    pub health_threshold: Ratio,
    /// The most that a call may take.
    pub max_latency: Duration,
    /// Whether all go back when one fails.
    pub rollback: bool,
}

/// A provider's state, as its manager sees it. Spec: provider 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderState {
    /// Accepted, but without a control plane.
    Registered,
    /// It is called.
    Active,
    /// It ends what it has, and is given nothing new.
    Draining,
    /// It is gone: it left, or was found dead, or its manager died.
    Deregistered,
}

/// How a canary ends. Spec: provider 3.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CanaryEnd {
    /// All have the new version.
    Promoted,
    /// All have the old version again.
    RolledBack,
    /// Some have the new version and some the old one.
    PartialFailure,
}

impl Manager {
    /// A manager of this name, about which a file says nothing more.
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
    /// One that answers at once and always.
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
    /// Every end, with its name in files.
    pub const NAMES: [(&'static str, CanaryEnd); 3] = [
        ("promoted", CanaryEnd::Promoted),
        ("rolled_back", CanaryEnd::RolledBack),
        ("partial_failure", CanaryEnd::PartialFailure),
    ];

    /// Its name for people, and in journals: `rolled back`.
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
    /// Every module that a manager may call by this qualified name: its own one first, then those of its providers in
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
