//! Faults. A kind of fault is one file, here or in the room of its system (`systems/*/faults`), and one line in a list: how files say it, what is checked, its
//! words, what it does and how that is undone, which calls it touched, when it heals, and what it counts.
//!
//! A kind is two types. Its `Shape` is a key of `[[fault]]`; what a plan holds of it, with all ranges drawn, is a
//! [`FaultKind`]. They are often one type. What several kinds share is in `links` and `targets`.

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
pub(crate) mod targets;

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
pub(crate) use self::shape::{Drawn, Kind, Lasts, Open, Said, Shape, Subject};
pub use self::slow::Slow;
use crate::history;
use crate::journal::Journal;
use crate::oracle::evidence::Kept;
use crate::oracle::{self, Evidence};
use crate::plan::Topology;
pub use crate::run::{End, Scene};
pub use crate::systems::provider::faults::{DrainProvider, HeartbeatLoss};
pub use crate::systems::router::faults::{Announce, Close, Move, Remove};

/// Those of links and of hosts, whatever runs on them, in the order of messages and of the schema.
pub(crate) const OF_LINKS_AND_HOSTS: &[Kind] = &[
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

/// What a fault does, with all ranges drawn. No method has a default but where nearly all kinds answer alike: whoever
/// adds a kind is asked by the compiler.
#[async_trait]
pub trait FaultKind: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// In a few words, for the journal and reports: `partition common-module | http-module`.
    fn text(&self) -> String;

    /// Strikes, waits for the fault's `end`, and undoes what it did. What happens at one instant need not wait.
    async fn act(&self, scene: &Scene, end: End);

    /// Which calls it touched, beside those whose segments, connects or connections the network lost, held, delayed,
    /// refused or reset for it: the journal names the fault with each of these.
    fn touches(&self, past: &Past<'_>) -> Vec<Touches>;

    /// When those that it struck are as they were.
    fn heals(&self) -> Heals;

    /// What it must have touched to have done anything.
    fn must_touch(&self, topology: &Topology) -> MustTouch;

    /// What it counts beside segments and calls.
    fn counts(&self, _past: &history::Fault<'_>, _run: &oracle::Run<'_>) -> Vec<Count> {
        Vec::new()
    }
}

impl dyn FaultKind {
    /// This fault, if it is of that kind.
    pub fn downcast_ref<K: FaultKind>(&self) -> Option<&K> {
        (self as &dyn Any).downcast_ref()
    }

    /// Whether it is of that kind.
    pub fn is<K: FaultKind>(&self) -> bool {
        self.downcast_ref::<K>().is_some()
    }
}

/// Equal when they are of one kind and say the same.
impl PartialEq for dyn FaultKind {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}

/// One fault, from `at` until `until`.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The file's `name`, or `#3` for the third one.
    pub name: String,
    /// When it strikes.
    pub at: Duration,
    /// When it ends; never, when absent. Not before `at`.
    pub until: Option<Duration>,
    /// What happens.
    pub kind: Arc<dyn FaultKind>,
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.at, self.until) == (&other.name, other.at, other.until) && *self.kind == *other.kind
    }
}

/// A fault that struck, as the journal has it.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// When it began, nanoseconds.
    pub started: u64,
    /// When it ended, nanoseconds; `u64::MAX` when it did not.
    pub ended: u64,
    /// What happened in the run.
    pub journal: &'a Journal,
    pub(crate) kept: &'a Kept,
}

impl Past<'_> {
    /// What follows from the journal alone: while faults are asked which calls they touched, these are not known yet.
    /// `fold` makes of the journal what [`Evidence::of`] makes of a run; that is done once for both.
    pub fn folded<E: Evidence>(&self, fold: impl FnOnce(&Journal) -> E) -> Arc<E> {
        self.kept.get(|| fold(self.journal))
    }
}

/// Which calls a fault touched: those for which one of these holds.
#[derive(Debug, Clone)]
pub enum Touches {
    /// A hop from or to one of these hosts was under way while the fault lasted; or failed within the 15 s after it, for
    /// who could not connect waits before it tries again.
    Hosts(Vec<String>),
    /// A hop between such hosts failed while the fault kept the one from connecting to the other.
    Connects(Connects),
    /// It goes to a port of this, `echo` of `echo.in`, and was under way while the fault lasted or news of its end were on
    /// the way.
    Ports {
        /// Whose ports.
        of: String,
        /// How late news may be.
        late: Duration,
    },
    /// A hop of it goes to this group of hosts, and was under way while the fault lasted or news of its end were on the
    /// way.
    Group {
        /// The group's name.
        name: String,
        /// How late news may be.
        late: Duration,
    },
    /// It was to be executed by one of these hosts, or failed before it was sent to any that serve the namespace of their
    /// groups.
    Served {
        /// The hosts.
        hosts: Vec<String>,
        /// Until then, nanoseconds.
        until: u64,
        /// Whether also those are touched that were sent to one of the hosts, whatever came of them.
        all: bool,
    },
}

/// When what a fault struck is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heals {
    /// As soon as the fault ends.
    AtEnd,
    /// So long after it ended: news of that are on their way.
    Later(Duration),
    /// Never: somebody left for good.
    Never,
}

/// What a fault must have touched to have done anything. A report says of one that did not that it was in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MustTouch {
    /// A segment, a connect, a heartbeat or a call.
    Anything,
    /// A call, as it strikes those that make and serve them.
    Calls,
    /// Nothing: it does something also where nobody calls.
    Nothing,
}

/// Something that faults of one kind count of their own: `3 heartbeats not sent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// What, in the singular: `heartbeat`.
    pub what: &'static str,
    /// What happened to them: `not sent`.
    pub how: &'static str,
    /// The key in reports for programs: `heartbeats_lost`.
    pub key: &'static str,
}
