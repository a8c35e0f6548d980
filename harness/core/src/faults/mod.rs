//! Faults. Each kind is one file, here or in its system (`systems/*/faults`), and one line in a list. The file holds
//! the TOML shape, the checks, the text for reports, how to inject and undo the fault, which calls it touched, when it
//! heals, and its counters.
//!
//! A kind has two types. Its `Shape` is a key of `[[fault]]`. Its [`FaultKind`] is the fault in a plan, with all ranges
//! drawn. Often one type is both. `links` and `targets` hold what several kinds share.

mod bandwidth;
mod blackhole;
mod clock;
mod crash;
mod drain;
mod hold;
mod kill;
mod latency;
mod links;
mod loss;
mod name_failure;
mod partition;
mod pause;
mod refuse;
mod reset;
mod restart;
mod shape;
mod slow;
pub mod targets;

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::bandwidth::Bandwidth;
pub use self::blackhole::Blackhole;
pub use self::clock::Clock;
pub use self::crash::Crash;
pub use self::drain::Drain;
pub use self::hold::Hold;
pub use self::kill::Kill;
pub use self::latency::Latency;
pub use self::links::Connects;
pub use self::loss::Loss;
pub use self::name_failure::NameFailure;
pub use self::partition::Partition;
pub use self::pause::Pause;
pub use self::refuse::Refuse;
pub use self::reset::Reset;
use self::restart::Restart;
pub use self::shape::{Drawn, Kind, Lasts, Open, Said, Shape, Subject};
pub use self::slow::Slow;
use crate::history;
use crate::journal::Journal;
use crate::oracle::evidence::Kept;
use crate::oracle::{self, Evidence};
use crate::plan::Topology;
pub use crate::run::{End, Scene};

/// Faults of links and hosts in any system, in the order of messages and of the schema.
pub const OF_LINKS_AND_HOSTS: &[Kind] = &[
    Kind::of::<Partition>(),
    Kind::of::<Latency>(),
    Kind::of::<Loss>(),
    Kind::of::<Bandwidth>(),
    Kind::of::<Hold>(),
    Kind::of::<Reset>(),
    Kind::of::<Refuse>(),
    Kind::of::<Blackhole>(),
    Kind::of::<Kill>(),
    Kind::of::<Crash>(),
    Kind::of::<Restart>(),
    Kind::of::<Pause>(),
    Kind::of::<Clock>(),
    Kind::of::<Drain>(),
    Kind::of::<NameFailure>(),
    Kind::of::<Slow>(),
];

/// A fault with all ranges drawn. Methods have a default only where nearly all kinds agree, so that the compiler asks the
/// author of a new kind.
#[async_trait]
pub trait FaultKind: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// A short text for the journal and reports: `partition common-module | http-module`.
    fn text(&self) -> String;

    /// Injects the fault, waits for its `end`, and undoes it. An instantaneous fault need not wait.
    async fn act(&self, scene: &Scene, end: End);

    /// Which calls it touched, apart from those whose segments, connects or connections the network lost, held, delayed,
    /// refused or reset: the journal attributes each of these events to its fault.
    fn touches(&self, past: &Past<'_>) -> Vec<Touches>;

    /// When the affected hosts and links are back in their former state.
    fn heals(&self) -> Heals;

    /// What it must touch to count as effective.
    fn must_touch(&self, topology: &Topology) -> MustTouch;

    /// Counters of this kind, besides segments and calls.
    fn counts(&self, _past: &history::Fault<'_>, _run: &oracle::Run<'_>) -> Vec<Count> {
        Vec::new()
    }
}

impl dyn FaultKind {
    /// This fault as `K`, if it is one.
    pub fn downcast_ref<K: FaultKind>(&self) -> Option<&K> {
        (self as &dyn Any).downcast_ref()
    }

    /// Whether it is a `K`.
    pub fn is<K: FaultKind>(&self) -> bool {
        self.downcast_ref::<K>().is_some()
    }
}

/// Equal if both have the same kind and the same values.
impl PartialEq for dyn FaultKind {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}

/// One fault, from `at` until `until`.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The file's `name`, or `#3` for the third fault.
    pub name: String,
    /// When it starts.
    pub at: Duration,
    /// When it ends, not before `at`. `None`: never.
    pub until: Option<Duration>,
    /// What happens.
    pub kind: Arc<dyn FaultKind>,
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.at, self.until) == (&other.name, other.at, other.until) && *self.kind == *other.kind
    }
}

/// A fault that was injected, as recorded in the journal.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// When it started, in virtual nanoseconds.
    pub started: u64,
    /// When it ended, in virtual nanoseconds; `u64::MAX` if it did not.
    pub ended: u64,
    /// All events of the run.
    pub journal: &'a Journal,
    pub(crate) kept: &'a Kept,
}

impl Past<'_> {
    /// Evidence from the journal alone, because the touched calls are not known yet. `fold` is to the journal what
    /// [`Evidence::of`] is to a run; both share one cached result.
    pub fn folded<E: Evidence>(&self, fold: impl FnOnce(&Journal) -> E) -> Arc<E> {
        self.kept.get(|| fold(self.journal))
    }
}

/// Which calls a fault touched: those that match one of these.
#[derive(Debug, Clone)]
pub enum Touches {
    /// A hop from or to one of these hosts was in flight during the fault, or failed within 15 s after it: a client whose
    /// connect failed backs off before it retries.
    Hosts(Vec<String>),
    /// A hop failed while the fault prevented connects from its sender to its receiver.
    Connects(Connects),
    /// The call goes to a port of this module (`echo` of `echo.in`), and was in flight during the fault or the
    /// propagation delay after it.
    Ports {
        /// The module.
        of: String,
        /// Propagation delay of discovery updates.
        late: Duration,
    },
    /// A hop of the call goes to this group of hosts, and was in flight during the fault or the propagation delay after
    /// it.
    Group {
        /// The group's name.
        name: String,
        /// Propagation delay of discovery updates.
        late: Duration,
    },
    /// The call was to be executed by one of these hosts, or failed before it was sent to any host that serves the
    /// namespace of their groups.
    Served {
        /// The hosts.
        hosts: Vec<String>,
        /// Up to this time, in virtual nanoseconds.
        until: u64,
        /// Whether calls that were sent to one of the hosts count whatever their outcome.
        all: bool,
    },
}

/// When the affected hosts and links are back in their former state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heals {
    /// As soon as the fault ends.
    AtEnd,
    /// This long after its end: the update has to propagate.
    Later(Duration),
    /// Never: a host leaves permanently.
    Never,
}

/// What a fault must touch to count as effective. Reports flag a fault that touched nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MustTouch {
    /// A segment, a connect, a heartbeat or a call.
    Anything,
    /// A call: the fault acts on hosts that send or execute calls.
    Calls,
    /// Nothing: the fault has an effect even without calls.
    Nothing,
}

/// A counter of one kind of fault: `3 heartbeats not sent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// The thing counted, in the singular: `heartbeat`.
    pub what: &'static str,
    /// What happened to them: `not sent`.
    pub how: &'static str,
    /// The key in JSON reports: `heartbeats_lost`.
    pub key: &'static str,
}
