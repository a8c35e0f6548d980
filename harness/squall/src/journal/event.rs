//! What a journal line can say.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::OfSystem;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Entry {
    /// Virtual nanoseconds since the start of the run.
    pub at: u64,
    /// The number of this line: 0, 1, 2, ...
    pub number: u64,
    /// The host that it happened on; empty when it happened to the world.
    pub host: Arc<str>,
    /// What happened.
    pub event: Event,
}

/// A 64-bit identifier or digest, written as 16 hexadecimal digits: JSON readers that hold numbers as
/// floats would lose its last bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

impl Id {
    /// None: no parent, or no value.
    pub const NONE: Id = Id(0);
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16)
            .map(Id)
            .map_err(|_| de::Error::custom(format!("`{text}` is not 16 hexadecimal digits")))
    }
}

/// How a call, or a hop, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A reply came.
    Ok,
    /// It certainly did not happen, or the callee itself said that it failed.
    Failed,
    /// Nobody knows: a deadline or a lost connection after the request was sent.
    Unknown,
}

/// How the execution of a handler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// It returned a value or no value.
    Ok,
    /// It returned an error.
    Error,
    /// It panicked.
    Panic,
    /// It was dropped before it ended: cancelled, or its process died.
    Dropped,
}

/// How a gRPC call ended, as one of its ends saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RpcEnd {
    /// With this status code; 0 is ok.
    Status(u64),
    /// By an error of the transport.
    Transport(Arc<str>),
    /// Whoever waited for it gave up.
    Dropped,
}

/// How a host went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// The process died, the kernel closed its sockets.
    Killed,
    /// The machine died, silently.
    Crashed,
    /// The process ended by itself, with an error or a panic.
    Failed,
}

/// How a connection ended, as the network saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// Both ways were closed in order.
    Finished,
    /// A reset.
    Reset,
    /// Nothing got through for too long.
    TimedOut,
    /// Nobody listened.
    Refused,
}

/// What happened to a segment that a fault, or the link's own loss, touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// Lost; it is sent again after a retransmission timeout.
    Lost,
    /// Held by a partition: it is sent again after a retransmission timeout. Or stopped on its link.
    Held,
    /// Delivered, but later than the link alone would have.
    Delayed,
    /// Gone: its receiver, or its sender, is a machine that is down; or a connect that nobody answers.
    Dropped,
    /// A connect that was answered with a refusal.
    Refused,
    /// No segment: a connection was reset. It goes from the host that dialled to the other.
    Reset,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Event {
    /// The first line.
    RunStarted {
        /// The scenario's name.
        scenario: Arc<str>,
        /// The topology's name.
        topology: Arc<str>,
        /// The seed.
        seed: u64,
    },
    /// The last line.
    RunEnded {
        /// Tasks of hosts that should have ended by now and did not.
        tasks_left: u64,
        /// Connections of dead incarnations, and connects and accepts in progress, that are left.
        sockets_left: u64,
        /// Exact timers of dead incarnations that are left.
        #[serde(default)]
        timers_left: u64,
    },
    /// The plan is over, and the run goes on: calls are made to see whether all have recovered from its last fault. They
    /// count for no workload.
    QuietStarted,
    /// A host came up.
    HostStarted {
        /// 0 for the first start, one more for each start after that.
        incarnation: u32,
    },
    /// A host went down.
    HostStopped {
        /// Which incarnation.
        incarnation: u32,
        /// How.
        how: Death,
        /// Tasks of that incarnation that were ended.
        tasks: u64,
        /// Sockets of that incarnation that were closed.
        sockets: u64,
        /// Why, when it failed by itself.
        error: Arc<str>,
    },
    /// A host is not scheduled from here on.
    HostPaused,
    /// A host is scheduled again.
    HostResumed,
    /// Each poll of a host's tasks costs so much virtual CPU time from here on.
    HostSlowed {
        /// Nanoseconds; 0: it is not slow any more.
        per_poll: u64,
    },
    /// A task of a host panicked. The host goes on.
    TaskPanicked {
        /// The panic's message.
        message: Arc<str>,
    },
    /// A component started a task with `tokio::spawn`: it cannot be killed or paused with its host.
    StrayTask {
        /// Where in the code: file, line and column.
        place: Arc<str>,
    },
    /// Code on this host asked of the system what a run cannot answer for: a thread, a process, a socket, sleep.
    Escaped {
        /// What it does, in words.
        what: Arc<str>,
        /// Where in the code; empty when that was said of the host before, or is not known.
        place: Arc<str>,
    },
    /// A fault begins.
    FaultStarted {
        /// Its place in the plan.
        fault: u32,
        /// Its name.
        name: Arc<str>,
        /// What it does, in words.
        text: Arc<str>,
    },
    /// A fault ends.
    FaultEnded {
        /// Its place in the plan.
        fault: u32,
    },
    /// A connection was established.
    ConnectionOpened {
        /// The network's number for it.
        flow: u64,
        /// Who dialled.
        from: Arc<str>,
        /// Who accepted.
        to: Arc<str>,
    },
    /// A connection, or the attempt at one, ended.
    ConnectionClosed {
        /// The network's number for it.
        flow: u64,
        /// Who dialled.
        from: Arc<str>,
        /// Who was dialled.
        to: Arc<str>,
        /// How.
        how: Close,
    },
    /// A fault, or a link, did something to a segment or to a connection.
    Segment {
        /// What happened to it.
        touch: Touch,
        /// Its connection.
        flow: u64,
        /// The sending host.
        from: Arc<str>,
        /// The receiving host.
        to: Arc<str>,
        /// Payload bytes in it.
        bytes: u64,
        /// The faults that did it, by their place in the plan; none when it was the link's own loss.
        faults: Vec<u32>,
    },
    /// A workload starts a call on this line's host.
    CallStarted {
        /// Its number in the run.
        call: u64,
        /// Which workload, by its place in the plan.
        workload: u32,
        /// `node.port`
        to: Arc<str>,
        /// Every hop and execution on behalf of this call carries it.
        trace: Id,
        /// Nanoseconds that it may take.
        timeout: u64,
        /// Payload size.
        bytes: u64,
        /// Payload digest.
        digest: Id,
    },
    /// A call ended.
    CallEnded {
        /// Its number in the run.
        call: u64,
        /// How.
        outcome: Outcome,
        /// The error's class; empty when ok.
        class: Arc<str>,
        /// The error's text; empty when ok.
        error: Arc<str>,
        /// Reply size.
        bytes: u64,
        /// Reply digest; 0 for no value.
        digest: Id,
    },
    /// A module sends a message to another module.
    HopStarted {
        /// The call that it belongs to.
        trace: Id,
        /// This hop. The execution at the other end has the same.
        span: Id,
        /// The execution that sends it; 0 when a workload does.
        parent: Id,
        /// `node.port`, or empty.
        from: Arc<str>,
        /// `node.port`
        to: Arc<str>,
        /// Who sends.
        source_module: Arc<str>,
        /// Who owns the target node.
        target_module: Arc<str>,
        /// 0 for a call's first hop.
        depth: u32,
        /// 1, or more when the same message is sent again.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        attempt: u32,
        /// The hop of the attempt before; 0 for the first.
        #[serde(default, skip_serializing_if = "is_none")]
        previous: Id,
        /// The digest of the message's idempotency key; 0 for none.
        #[serde(default, skip_serializing_if = "is_none")]
        key: Id,
        /// Nanoseconds that it may take.
        timeout: u64,
        /// Payload size.
        bytes: u64,
        /// Payload digest.
        digest: Id,
    },
    /// A hop ended, as its sender saw it.
    HopEnded {
        /// This hop.
        span: Id,
        /// How.
        outcome: Outcome,
        /// The metric's status label. Spec: router H-10.
        status: Arc<str>,
        /// `host:port` that it was sent to; empty when it was never sent.
        peer: Arc<str>,
        /// Whether it waited for the network, if only for a dial. Spec: router H-11.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        at_transport: bool,
        /// The error's text; empty when ok.
        error: Arc<str>,
        /// Reply size.
        bytes: u64,
        /// Reply digest; 0 for no value.
        digest: Id,
    },
    /// A component starts to handle a message.
    HandleStarted {
        /// The call that it belongs to.
        trace: Id,
        /// This execution: the hop's span when it came from another module, a new one otherwise.
        span: Id,
        /// The hop or execution that caused it; 0 when a workload did.
        parent: Id,
        /// Who handles.
        module: Arc<str>,
        /// Which node of it.
        node: Arc<str>,
        /// Which port of that.
        port: Arc<str>,
        /// Came from another module.
        remote: bool,
        /// Hops so far.
        depth: u32,
        /// 1, or more when the same message was sent again.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        attempt: u32,
        /// The digest of the message's idempotency key; 0 for none.
        #[serde(default, skip_serializing_if = "is_none")]
        key: Id,
        /// Nanoseconds that it may take; 0 when nobody says.
        #[serde(default, skip_serializing_if = "is_zero")]
        timeout: u64,
        /// Payload size.
        bytes: u64,
        /// Payload digest.
        digest: Id,
    },
    /// A component is done with a message.
    HandleEnded {
        /// This execution.
        span: Id,
        /// How.
        how: Handling,
        /// The error's text; empty when ok.
        error: Arc<str>,
        /// Reply size.
        bytes: u64,
        /// Reply digest; 0 for no value.
        digest: Id,
    },
    /// Code of a user's own says something of itself: [`note`](crate::note).
    Noted {
        /// What it is about.
        name: Arc<str>,
        /// What it says, as JSON.
        value: Arc<str>,
    },
    /// Something happened to a part of one system.
    #[serde(untagged, skip_deserializing)]
    Of(OfSystem),
}

fn first() -> u32 {
    1
}

fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_zero(nanos: &u64) -> bool {
    *nanos == 0
}

fn is_none(id: &Id) -> bool {
    *id == Id::NONE
}
