//! Folds the journal into a table of calls: each with its hops, its executions, and the faults that touched it.
//!
//! The fold records anomalies (a second start, an end without a start); the [oracles](crate::oracle) judge them.

mod fold;
mod rpc;
mod touch;

use indexmap::IndexMap;

pub use self::fold::{Folding, PartOf};
pub use self::rpc::{Handled, Rpc};

use crate::history::History;
use crate::journal::{Entry, Handling, Id, Journal, Outcome};
use crate::oracle::evidence::Kept;
use crate::plan::Plan;

/// Every error class of a call, and every status of a hop other than `ok`. For calls of the provider protocol the class
/// is the code in lower case. Spec: router H-10.
pub const ERROR_CLASSES: [&str; 16] = [
    "remote_error",
    "unavailable",
    "timeout",
    "cancelled",
    "not_discovered",
    "serialization",
    "error",
    // Of modules of the provider protocol. Spec: provider 2.12.
    "type_error",
    "runtime_error",
    "module_not_found",
    "protocol_error",
    // Of actors of a cluster's nodes.
    "rejected",
    "actor_failed",
    "not_delivered",
    // The source host was down: the call was never made.
    "source_down",
    // The source host went down before the call ended.
    "caller_died",
];

/// Additional classes for the calls of clients: gRPC codes in lower case, and a client that panicked.
pub const CLIENT_ERROR_CLASSES: [&str; 15] = [
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "data_loss",
    "unauthenticated",
    "panic",
];

/// All classes of errors.
pub fn all_error_classes() -> impl Iterator<Item = &'static str> {
    ERROR_CLASSES.into_iter().chain(CLIENT_ERROR_CLASSES)
}

/// The class of a call that had not ended at the end of the run.
pub const UNENDED: &str = "unended";

/// A position in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Virtual nanoseconds since the start of the run.
    pub at: u64,
    /// The number of the journal entry, which orders events of one instant.
    pub line: u64,
}

impl Moment {
    /// When a journal entry was written.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Moment {
            at: entry.at,
            line: entry.number,
        }
    }
}

/// What went over the wire, as far as the journal records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// Its size.
    pub bytes: u64,
    /// Its digest; [`Id::NONE`] for no value.
    pub digest: Id,
}

/// One call of a workload.
#[derive(Debug)]
pub struct Call<'j> {
    /// Its number in the run.
    pub number: u64,
    /// The index of its workload in the plan.
    pub workload: u32,
    /// The host where it starts.
    pub host: &'j str,
    /// The target as `node.port`.
    pub to: &'j str,
    /// The trace identifier of all its hops and executions.
    pub trace: Id,
    /// Whether it was made after the end of the plan. Such calls count for no workload.
    pub is_probe: bool,
    /// Its timeout, nanoseconds.
    pub timeout: u64,
    /// The request.
    pub sent: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<CallEnd<'j>>,
    /// When a call with this number or trace started again, which is a violation.
    pub started_again: Option<Moment>,
    /// When it ended again, which is a violation.
    pub ended_again: Option<Moment>,
    /// In the order of their starts.
    pub hops: Vec<Hop<'j>>,
    /// In the order of their starts.
    pub executions: Vec<Execution<'j>>,
    /// The faults that touched it, by index in the plan, ascending.
    pub touched_by: Vec<u32>,
    /// Whether a link's own loss touched it.
    pub touched_by_loss: bool,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub struct CallEnd<'j> {
    /// When.
    pub moment: Moment,
    /// How.
    pub outcome: Outcome,
    /// The error's class; empty when ok.
    pub class: &'j str,
    /// The error's text; empty when ok.
    pub error: &'j str,
    /// The reply.
    pub reply: Payload,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HopKind {
    /// A message to the module that owns its target.
    Message,
    /// An attempt to have a provider execute something.
    Attempt,
}

impl HopKind {
    /// Whether the executor always gets a deadline.
    pub(crate) fn tells_deadlines(self) -> bool {
        self == HopKind::Message
    }
}

/// A message between modules, or a manager's attempt to have a provider execute something.
#[derive(Debug)]
pub struct Hop<'j> {
    /// Message or attempt.
    pub kind: HopKind,
    /// Identifies the hop, and the execution at its other end.
    pub span: Id,
    /// The execution that sends it; [`Id::NONE`] for a workload.
    pub parent: Id,
    /// The target as `node.port`, or a module's qualified name.
    pub to: &'j str,
    /// The sender's host.
    pub host: &'j str,
    /// The sending module.
    pub source_module: &'j str,
    /// The module that owns the target node, as the sender sees it. For an attempt, the module's namespace.
    pub target_module: &'j str,
    /// `host:port` of the addressed executor; empty for a message, whose endpoint is chosen later.
    pub addressed: &'j str,
    /// The manager's name for the connection; empty for a message.
    pub connection: &'j str,
    /// 0 for a call's first hop.
    pub depth: u32,
    /// 1 for the first attempt, more for a retry.
    pub attempt: u32,
    /// The hop of the previous attempt; [`Id::NONE`] for the first.
    pub previous: Id,
    /// The digest of the message's idempotency key; [`Id::NONE`] without one.
    pub key: Id,
    /// Its timeout, nanoseconds.
    pub timeout: u64,
    /// The request.
    pub sent: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<HopEnd<'j>>,
    /// When a hop of this span started again, which is a violation.
    pub started_again: Option<Moment>,
    /// When it ended again, which is a violation.
    pub ended_again: Option<Moment>,
}

/// How a hop ended, as its sender saw it.
#[derive(Debug, Clone, Copy)]
pub struct HopEnd<'j> {
    /// When.
    pub moment: Moment,
    /// How.
    pub outcome: Outcome,
    /// `ok`, or one of [`ERROR_CLASSES`].
    pub status: &'j str,
    /// The receiver as `host:port`; empty if it was never sent.
    pub peer: &'j str,
    /// Whether it reached the transport, if only for a dial.
    pub at_transport: bool,
    /// The reply.
    pub reply: Payload,
}

/// A message handled by a component, or a module executed by a provider.
#[derive(Debug)]
pub struct Execution<'j> {
    /// The kind of its request.
    pub kind: HopKind,
    /// The span of its hop if it is remote, a new one otherwise.
    pub span: Id,
    /// The hop or execution that caused it; [`Id::NONE`] for a workload.
    pub parent: Id,
    /// The host.
    pub host: &'j str,
    /// The handling module. For a provider's module, its namespace.
    pub module: &'j str,
    /// The node. For a provider's module, its namespace.
    pub node: &'j str,
    /// The port. For a provider's module, its short name.
    pub port: &'j str,
    /// Whether the request came from another module.
    pub remote: bool,
    /// The number of hops so far.
    pub depth: u32,
    /// 1 for the first attempt, more for a retry.
    pub attempt: u32,
    /// The digest of the message's idempotency key; [`Id::NONE`] without one.
    pub key: Id,
    /// Its timeout in nanoseconds, if it has one.
    pub timeout: Option<u64>,
    /// The request.
    pub received: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<ExecutionEnd>,
    /// When and where this span was executed again, which is a violation.
    pub started_again: Option<(Moment, &'j str)>,
    /// When it ended again.
    pub ended_again: Option<Moment>,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy)]
pub struct ExecutionEnd {
    /// When.
    pub moment: Moment,
    /// How.
    pub how: Handling,
    /// The reply.
    pub reply: Payload,
}

/// An end without a start.
#[derive(Debug)]
pub struct Unstarted<'j> {
    /// When.
    pub moment: Moment,
    /// The host.
    pub host: &'j str,
    /// What ended.
    pub what: Unknown,
}

/// What ended without a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The call with this number.
    Call(u64),
    /// The hop with this span.
    Hop(Id),
    /// The execution with this span.
    Execution(Id),
}

/// All calls of a run.
#[derive(Debug, Default)]
pub struct Calls<'j> {
    calls: Vec<Call<'j>>,
    /// Hops of no workload's call: components may send by themselves.
    pub own_hops: Vec<Hop<'j>>,
    /// Executions of no workload's call.
    pub own_executions: Vec<Execution<'j>>,
    /// gRPC calls between services with a recording layer, in the order of their starts.
    pub rpcs: Vec<Rpc<'j>>,
    /// Ends without a start.
    pub unstarted: Vec<Unstarted<'j>>,
    hop_places: IndexMap<Id, Place>,
    execution_places: IndexMap<Id, Place>,
}

/// Where a hop or an execution is stored: its call (`None` without one), and its index there.
#[derive(Debug, Clone, Copy)]
struct Place {
    call: Option<u32>,
    index: u32,
}

impl<'j> Calls<'j> {
    /// Folds a journal. `plan` has the hosts of modules and faults.
    #[must_use]
    pub fn of(journal: &'j Journal, plan: &'j Plan) -> Self {
        Self::with_history(journal, plan, &History::of(journal))
    }

    /// The same, with an existing history.
    #[must_use]
    pub fn with_history(journal: &'j Journal, plan: &'j Plan, history: &History<'j>) -> Self {
        Self::with_kept(journal, plan, history, &Kept::default())
    }

    /// The same, and keeps what faults folded from the journal.
    pub(crate) fn with_kept(
        journal: &'j Journal,
        plan: &'j Plan,
        history: &History<'j>,
        kept: &Kept,
    ) -> Self {
        let mut calls = fold::fold(journal);
        touch::touch(&mut calls.calls, &calls.rpcs, journal, plan, history, kept);
        calls
    }

    /// In the order of their starts, probes included.
    pub fn iter(&self) -> std::slice::Iter<'_, Call<'j>> {
        self.calls.iter()
    }

    /// The calls that count for workloads, in the order of their starts.
    pub fn counted(&self) -> impl Iterator<Item = &Call<'j>> {
        self.calls.iter().filter(|call| !call.is_probe)
    }

    /// The calls of one workload, in the order of their starts.
    pub fn of_workload(&self, workload: u32) -> impl Iterator<Item = &Call<'j>> {
        self.counted().filter(move |call| call.workload == workload)
    }

    /// Every hop, with its call.
    pub fn hops(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        let of_calls = self
            .calls
            .iter()
            .flat_map(|call| call.hops.iter().map(move |hop| (Some(call), hop)));
        of_calls.chain(self.own_hops.iter().map(|hop| (None, hop)))
    }

    /// Every message between modules, with its call.
    pub fn messages(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        self.hops().filter(|(_, hop)| hop.kind == HopKind::Message)
    }

    /// Every attempt of a manager, with its call.
    pub fn attempts(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        self.hops().filter(|(_, hop)| hop.kind == HopKind::Attempt)
    }

    /// Every execution, with its call.
    pub fn executions(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Execution<'j>)> {
        let of_calls = self.calls.iter().flat_map(|call| {
            call.executions
                .iter()
                .map(move |execution| (Some(call), execution))
        });
        of_calls.chain(self.own_executions.iter().map(|execution| (None, execution)))
    }

    /// The hop with this span.
    #[must_use]
    pub fn hop(&self, span: Id) -> Option<&Hop<'j>> {
        let place = self.hop_places.get(&span)?;
        let hops = place
            .call
            .map_or(&self.own_hops, |call| &self.calls[call as usize].hops);
        hops.get(place.index as usize)
    }

    /// The execution with this span: for a hop's span, the one at its other end.
    #[must_use]
    pub fn execution(&self, span: Id) -> Option<&Execution<'j>> {
        let place = self.execution_places.get(&span)?;
        let executions = place
            .call
            .map_or(&self.own_executions, |call| &self.calls[call as usize].executions);
        executions.get(place.index as usize)
    }
}

impl<'j> Call<'j> {
    /// How it ended. The outcome of a call without an end is unknown.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.end.map_or(Outcome::Unknown, |end| end.outcome)
    }

    /// Whether it ended with a reply.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Ok
    }

    /// Its error's class; empty when ok.
    #[must_use]
    pub fn class(&self) -> &'j str {
        self.end.map_or(UNENDED, |end| end.class)
    }

    /// From start to end, in nanoseconds.
    #[must_use]
    pub fn latency(&self) -> Option<u64> {
        self.end.map(|end| end.moment.at.saturating_sub(self.started.at))
    }

    /// Its deadline.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.started.at.saturating_add(self.timeout)
    }

    /// The hops that the workload caused directly: one, unless there were retries.
    pub fn root_hops(&self) -> impl Iterator<Item = &Hop<'j>> {
        self.hops.iter().filter(|hop| hop.parent == Id::NONE)
    }

    /// The executions that the workload caused without a hop, in its own module.
    pub fn root_executions(&self) -> impl Iterator<Item = &Execution<'j>> {
        self.executions
            .iter()
            .filter(|execution| !execution.remote && execution.parent == Id::NONE)
    }
}

impl<'j> Hop<'j> {
    /// Its deadline.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.started.at.saturating_add(self.timeout)
    }

    /// Whether a reply was accepted.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.end.is_some_and(|end| end.outcome == Outcome::Ok)
    }

    /// The host that it was sent to, if known.
    #[must_use]
    pub fn peer_host(&self) -> Option<&'j str> {
        let peer = match self.addressed {
            "" => self.end?.peer,
            addressed => addressed,
        };
        let (host, _port) = peer.rsplit_once(':')?;
        Some(host)
    }
}

impl Execution<'_> {
    /// Whether it is at `to`, a `node.port`.
    #[must_use]
    pub fn is_at(&self, to: &str) -> bool {
        to.strip_prefix(self.node)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|port| port == self.port)
    }

    /// Whether it returned a value, or no value, but no error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.end.is_some_and(|end| end.how == Handling::Ok)
    }
}

#[cfg(test)]
mod tests;
