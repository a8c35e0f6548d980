//! The journal folded into a table of calls: each with its hops, its executions, and the faults that touched it.
//!
//! The fold keeps what is odd (a second start, an end without a start) instead of judging it: that is for the
//! [oracles](crate::oracle).

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

/// Every class that an error of a call, and every status other than `ok` that a hop can have. Of calls of the provider
/// protocol it is the code, in small letters. Spec: router H-10.
pub const ERROR_CLASSES: [&str; 13] = [
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
    // Where the call was to start is down: the call was never made.
    "source_down",
    // Where the call started went down before it ended.
    "caller_died",
];

/// The classes that the errors of a client's calls have besides: codes of gRPC in small letters, and a client that panicked.
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
pub(crate) fn all_error_classes() -> impl Iterator<Item = &'static str> {
    ERROR_CLASSES.into_iter().chain(CLIENT_ERROR_CLASSES)
}

/// The class of a call that had not ended when the run did.
pub const UNENDED: &str = "unended";

/// A place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Virtual nanoseconds since the start of the run.
    pub at: u64,
    /// The journal's line, which orders what happens within one instant.
    pub line: u64,
}

impl Moment {
    /// When a line of the journal was written.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Moment {
            at: entry.at,
            line: entry.number,
        }
    }
}

/// What went over the wire, as far as the journal knows it.
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
    /// Its workload's place in the plan.
    pub workload: u32,
    /// Where it starts.
    pub host: &'j str,
    /// `node.port`
    pub to: &'j str,
    /// What every hop and execution on its behalf carries.
    pub trace: Id,
    /// Whether it was made when the plan was over: then it counts for no workload.
    pub is_probe: bool,
    /// Nanoseconds that it may take.
    pub timeout: u64,
    /// What it carries.
    pub sent: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<CallEnd<'j>>,
    /// When a call of this number, or of this trace, started again. It never should.
    pub started_again: Option<Moment>,
    /// When it ended again. It never should.
    pub ended_again: Option<Moment>,
    /// In the order of their starts.
    pub hops: Vec<Hop<'j>>,
    /// In the order of their starts.
    pub executions: Vec<Execution<'j>>,
    /// The faults that touched it, by their place in the plan, ascending.
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
    /// What came back.
    pub reply: Payload,
}

/// What is asked of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HopKind {
    /// A message, to the one that owns its target.
    Message,
    /// An attempt to have something executed by one of those that can.
    Attempt,
}

impl HopKind {
    /// Whether who executes it is always told of a deadline.
    pub(crate) fn tells_deadlines(self) -> bool {
        self == HopKind::Message
    }
}

/// A message from one module to another, or an attempt of a manager to have a provider execute something.
#[derive(Debug)]
pub struct Hop<'j> {
    /// What it is.
    pub kind: HopKind,
    /// It, and the execution at its other end.
    pub span: Id,
    /// The execution that sends it; [`Id::NONE`] when a workload does.
    pub parent: Id,
    /// `node.port`, or a module's qualified name.
    pub to: &'j str,
    /// The sender's host.
    pub host: &'j str,
    /// Who sends.
    pub source_module: &'j str,
    /// Who owns the target node, as the sender sees it. Of an execution the module's namespace.
    pub target_module: &'j str,
    /// `host:port` of the executor that it is for; empty when it is a message: its sender finds an endpoint later.
    pub addressed: &'j str,
    /// The connection that it is for, as its manager calls it; empty when it is a message.
    pub connection: &'j str,
    /// 0 for a call's first hop.
    pub depth: u32,
    /// 1, or more when the same message is sent again.
    pub attempt: u32,
    /// The hop of the attempt before; [`Id::NONE`] for the first.
    pub previous: Id,
    /// The digest of the message's idempotency key; [`Id::NONE`] without one.
    pub key: Id,
    /// Nanoseconds that it may take.
    pub timeout: u64,
    /// What it carries.
    pub sent: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<HopEnd<'j>>,
    /// When a hop of this span started again. It never should.
    pub started_again: Option<Moment>,
    /// When it ended again. It never should.
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
    /// `host:port`; empty when it was never sent.
    pub peer: &'j str,
    /// Whether it waited for the network, if only for a dial.
    pub at_transport: bool,
    /// What came back.
    pub reply: Payload,
}

/// A component handles a message, or a provider executes a module.
#[derive(Debug)]
pub struct Execution<'j> {
    /// What it came by.
    pub kind: HopKind,
    /// The hop's span when it came from another module, a new one otherwise.
    pub span: Id,
    /// The hop or execution that caused it; [`Id::NONE`] when a workload did.
    pub parent: Id,
    /// Where.
    pub host: &'j str,
    /// Who handles. Of a provider's module its namespace.
    pub module: &'j str,
    /// Which node of it. Of a provider's module its namespace.
    pub node: &'j str,
    /// Which port of that. Of a provider's module its short name.
    pub port: &'j str,
    /// Whether it came from another module.
    pub remote: bool,
    /// Hops so far.
    pub depth: u32,
    /// 1, or more when the same message was sent again.
    pub attempt: u32,
    /// The digest of the message's idempotency key; [`Id::NONE`] without one.
    pub key: Id,
    /// Nanoseconds that it may take, if anybody says.
    pub timeout: Option<u64>,
    /// What it was given.
    pub received: Payload,
    /// When it started.
    pub started: Moment,
    /// How it ended, if it did.
    pub end: Option<ExecutionEnd>,
    /// When, and where, this span was executed again. It never should.
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
    /// What it returned.
    pub reply: Payload,
}

/// An end of something that never started.
#[derive(Debug)]
pub struct Unstarted<'j> {
    /// When.
    pub moment: Moment,
    /// Where.
    pub host: &'j str,
    /// What ended.
    pub what: Unknown,
}

/// What ended without a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The call of this number.
    Call(u64),
    /// The hop of this span.
    Hop(Id),
    /// The execution of this span.
    Execution(Id),
}

/// All calls of a run.
#[derive(Debug, Default)]
pub struct Calls<'j> {
    calls: Vec<Call<'j>>,
    /// Hops that no workload's call caused: a component may send on its own account.
    pub own_hops: Vec<Hop<'j>>,
    /// Executions that no workload's call caused.
    pub own_executions: Vec<Execution<'j>>,
    /// gRPC calls between services that have layers which say so, in the order of their starts.
    pub rpcs: Vec<Rpc<'j>>,
    /// Ends without a start.
    pub unstarted: Vec<Unstarted<'j>>,
    hop_places: IndexMap<Id, Place>,
    execution_places: IndexMap<Id, Place>,
}

/// Where a hop or an execution is: of which call (none: on a component's own account), and at which index there.
#[derive(Debug, Clone, Copy)]
struct Place {
    call: Option<u32>,
    index: u32,
}

impl<'j> Calls<'j> {
    /// Folds a journal. `plan` is needed for which hosts a module or a fault has.
    #[must_use]
    pub fn of(journal: &'j Journal, plan: &'j Plan) -> Self {
        Self::with_history(journal, plan, &History::of(journal))
    }

    /// The same, for whoever has the history already.
    #[must_use]
    pub fn with_history(journal: &'j Journal, plan: &'j Plan, history: &History<'j>) -> Self {
        Self::with_kept(journal, plan, history, &Kept::default())
    }

    /// The same: what faults have folded of the journal is kept.
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

    /// Every hop, with the call that it belongs to.
    pub fn hops(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        let of_calls = self
            .calls
            .iter()
            .flat_map(|call| call.hops.iter().map(move |hop| (Some(call), hop)));
        of_calls.chain(self.own_hops.iter().map(|hop| (None, hop)))
    }

    /// Every message between modules, with the call that it belongs to.
    pub fn messages(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        self.hops().filter(|(_, hop)| hop.kind == HopKind::Message)
    }

    /// Every attempt of a manager to have something executed, with the call that it belongs to.
    pub fn attempts(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Hop<'j>)> {
        self.hops().filter(|(_, hop)| hop.kind == HopKind::Attempt)
    }

    /// Every execution, with the call that it belongs to.
    pub fn executions(&self) -> impl Iterator<Item = (Option<&Call<'j>>, &Execution<'j>)> {
        let of_calls = self.calls.iter().flat_map(|call| {
            call.executions
                .iter()
                .map(move |execution| (Some(call), execution))
        });
        of_calls.chain(self.own_executions.iter().map(|execution| (None, execution)))
    }

    /// The hop of this span.
    #[must_use]
    pub fn hop(&self, span: Id) -> Option<&Hop<'j>> {
        let place = self.hop_places.get(&span)?;
        let hops = place
            .call
            .map_or(&self.own_hops, |call| &self.calls[call as usize].hops);
        hops.get(place.index as usize)
    }

    /// The execution of this span: for a hop's span, the one at its other end.
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
    /// How it ended. A call that did not end is one of which nobody knows whether it happened.
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

    /// When it must have ended.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.started.at.saturating_add(self.timeout)
    }

    /// The hops that the workload itself caused; one, unless something was sent again.
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
    /// When it must have ended.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.started.at.saturating_add(self.timeout)
    }

    /// Whether a reply was accepted.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.end.is_some_and(|end| end.outcome == Outcome::Ok)
    }

    /// The host that it was sent to, when it is known.
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
