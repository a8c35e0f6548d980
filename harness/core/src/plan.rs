//! The typed plan of one run: the files' content with names resolved and every range drawn from the seed. Parse, don't
//! validate: every [`Plan`] can be run.
//!
//! Times are virtual and count from the start of the run. The plan is independent of TOML, and has no dangling names.

mod groups;
mod window;
mod workload;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

pub use crate::expectation::{Bounds, CallsExpectation, Check, Expectation, OwnExpectation, Quantile};
pub use crate::faults::{Connects, Fault, FaultKind};
pub use crate::target::Target;
pub(crate) use groups::Groups;
pub use groups::{Group, HostGroup, Recovery};
pub use squall_sim::{ClockShift, EngineKind};
pub use window::Window;
pub use workload::{Arrival, Workload};

/// Hosts and the network between them, as a topology file describes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    /// The file's `name`.
    pub name: String,
    /// The file's `description`.
    pub description: Option<String>,
    /// The default for every link; a [`Link`] overrides it.
    pub network: Network,
    /// Overrides, in file order: the last one that matches a pair of hosts wins, field by field.
    pub links: Vec<Link>,
    /// The groups of hosts.
    pub(crate) groups: Groups,
}

impl Topology {
    /// A topology without hosts and overrides.
    pub fn new(name: impl Into<String>, network: Network) -> Self {
        Topology {
            name: name.into(),
            description: None,
            network,
            links: Vec::new(),
            groups: Groups::default(),
        }
    }

    /// The groups of one kind, by name, in file order: `topology.all::<Module>()`.
    pub fn all<G: HostGroup>(&self) -> &IndexMap<String, G> {
        self.groups.of()
    }

    /// The same, mutable.
    pub fn all_mut<G: HostGroup>(&mut self) -> &mut IndexMap<String, G> {
        self.groups.of_mut()
    }

    /// Adds groups.
    #[must_use]
    pub fn with<G: HostGroup>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        let named = groups.into_iter().map(|group| (group.name().to_owned(), group));
        self.all_mut().extend(named);
        self
    }

    /// The groups of all kinds.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.groups.all()
    }

    /// The hosts of all kinds.
    pub fn all_hosts(&self) -> impl Iterator<Item = &str> {
        self.groups().flat_map(|group| group.hosts).map(String::as_str)
    }

    /// Every host where calls can start, with the default timeout of these calls.
    pub fn call_timeouts(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.groups().flat_map(|group| {
            let timeout = group.call_timeout;
            let hosts = group.hosts.iter();
            hosts.filter_map(move |host| Some((host.as_str(), timeout?)))
        })
    }

    /// The default timeout of calls from `host`. `None`: no call can start there.
    pub fn call_timeout(&self, host: &str) -> Option<Duration> {
        let mut all = self.call_timeouts();
        all.find_map(|(name, timeout)| (name == host).then_some(timeout))
    }

    /// The hosts of the group of this name, or the host of this name.
    pub fn hosts_of(&self, name: &str) -> Option<Vec<String>> {
        let group = self.groups().find(|group| group.name == name);
        let group = group.map(|group| group.hosts.to_vec());
        group.or_else(|| {
            let mut hosts = self.all_hosts();
            hosts.find(|host| *host == name).map(|host| vec![host.to_owned()])
        })
    }

    /// The group that a host belongs to; the host's own name if unknown.
    pub fn group_of<'t>(&'t self, host: &'t str) -> &'t str {
        let runs = |group: &Group<'_>| group.hosts.iter().any(|other| other == host);
        self.groups().find(runs).map_or(host, |group| group.name)
    }
}

/// The default for all links.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// One-way delay.
    pub latency: Latency,
    /// The ratio of lost segments, each way.
    pub loss: Ratio,
    /// Bandwidth each way; `None` is unlimited.
    pub bandwidth: Option<Bandwidth>,
    /// The engine that transports the bytes.
    pub engine: EngineKind,
}

/// An override of [`Network`] for some pairs of hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The ordered pairs of hosts that it applies to.
    pub pairs: Pairs,
    /// One-way delay, if overridden.
    pub latency: Option<Latency>,
    /// Loss, if overridden.
    pub loss: Option<Ratio>,
    /// Bandwidth, if overridden.
    pub bandwidth: Option<Bandwidth>,
}

/// Ordered pairs of hosts: from each of `from` to each of `to`, and back when `both_ways`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Host names.
    pub from: Vec<String>,
    /// Host names.
    pub to: Vec<String>,
    /// Whether the reverse direction is included.
    pub both_ways: bool,
}

/// One-way delay of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latency {
    /// A fixed delay.
    Constant(Duration),
    /// Uniformly distributed, both ends included.
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

/// Payload bandwidth of a link, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Bandwidth {
    /// Payload bits; headers do not count.
    pub bits_per_second: NonZeroU64,
}

/// A probability as a ratio of integers: floats would not be reproducible everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// The numerator.
    pub numerator: u32,
    /// The denominator. Never zero; never below `numerator`.
    pub denominator: u32,
}

impl Ratio {
    /// Probability zero.
    pub const ZERO: Ratio = Ratio {
        numerator: 0,
        denominator: 1,
    };
}

/// The simulator's type.
impl From<Ratio> for squall_sim::Chance {
    fn from(ratio: Ratio) -> Self {
        Self::new(ratio.numerator, ratio.denominator)
    }
}

/// The simulator's type.
impl From<Bandwidth> for squall_sim::Bandwidth {
    fn from(bandwidth: Bandwidth) -> Self {
        bandwidth.bits_per_second.into()
    }
}

/// The simulator's type.
impl From<&Latency> for squall_sim::Latency {
    fn from(latency: &Latency) -> Self {
        match *latency {
            Latency::Constant(value) => Self::constant(value),
            Latency::Uniform { min, max } => Self::uniform(min, max),
            Latency::LogNormal { median, p99 } => Self::log_normal(median, p99),
        }
    }
}

/// One complete run: every range is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// The topology.
    pub topology: Arc<Topology>,
    /// The source of all randomness.
    pub seed: u64,
    /// How long the run lasts, in virtual time.
    pub duration: Duration,
    /// How long the run may take on the wall clock before the watchdog ends it.
    pub wall_limit: Duration,
    /// The probability that a ready task is requeued once before it is polled.
    pub interleave: Ratio,
    /// They run concurrently.
    pub workloads: Vec<Workload>,
    /// They run concurrently. A fault's index is its identifier.
    pub faults: Vec<Fault>,
    /// What must hold at the end.
    pub expectations: Vec<Arc<dyn Expectation>>,
    /// The drawn values as (key, value), for the report.
    pub drawn: Vec<(String, String)>,
}

impl Plan {
    /// The faults of one kind, with their indices.
    pub fn faults_of<K: FaultKind>(&self) -> impl Iterator<Item = (u32, &Fault, &K)> {
        let numbered = (0_u32..).zip(&self.faults);
        numbered.filter_map(|(number, fault)| Some((number, fault, fault.kind.downcast_ref()?)))
    }

    /// The same plan on this engine, whatever the topology specifies.
    #[must_use]
    pub fn on_engine(mut self, engine: EngineKind) -> Self {
        Arc::make_mut(&mut self.topology).network.engine = engine;
        self
    }
}
