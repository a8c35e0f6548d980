//! The events of a journal.

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
    /// The host of the event; empty if it concerns no single host.
    pub host: Arc<str>,
    /// What happened.
    pub event: Event,
}

/// A 64-bit identifier or digest, written as 16 hexadecimal digits: JSON readers that hold numbers as
/// floats would lose its last bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

impl Id {
    /// No parent, or no value.
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
    /// A reply arrived.
    Ok,
    /// It certainly did not happen, or the callee reported an error.
    Failed,
    /// It may have happened: the deadline passed or the connection was lost after the request was sent.
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
    /// A status code; 0 is ok.
    Status(u64),
    /// By an error of the transport.
    Transport(Arc<str>),
    /// Cancelled: its caller dropped it.
    Dropped,
}

/// How a host went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// The process died, the kernel closed its sockets.
    Killed,
    /// The machine lost power, without closing connections.
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
    /// Retransmission gave up.
    TimedOut,
    /// No listener.
    Refused,
}

/// What happened to a segment that a fault, or the link's own loss, touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// Lost; it is sent again after a retransmission timeout.
    Lost,
    /// Held by a partition, and resent after a retransmission timeout. Or held back on its link.
    Held,
    /// Delivered, but later than the link alone would have.
    Delayed,
    /// Dropped: its sender or receiver is a machine that is down, or it is a connect that gets no response.
    Dropped,
    /// A refused connect.
    Refused,
    /// Not a segment: a connection was reset. `from` is the host that dialled.
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
        /// Tasks of hosts that should have ended and did not.
        tasks_left: u64,
        /// Remaining connections of dead incarnations, and connects and accepts in progress.
        sockets_left: u64,
        /// Remaining exact timers of dead incarnations.
        #[serde(default)]
        timers_left: u64,
    },
    /// The plan is over, and the run continues with calls that show whether everything recovered from the last fault.
    /// They count for no workload.
    QuietStarted,
    /// A host came up.
    HostStarted {
        /// 0 for the first start, incremented by each restart.
        incarnation: u32,
    },
    /// A host went down.
    HostStopped {
        /// The incarnation.
        incarnation: u32,
        /// How.
        how: Death,
        /// Tasks of that incarnation that were ended.
        tasks: u64,
        /// Sockets of that incarnation that were closed.
        sockets: u64,
        /// The error, if it failed by itself.
        error: Arc<str>,
    },
    /// A host is not scheduled from here on.
    HostPaused,
    /// A host is scheduled again.
    HostResumed,
    /// From here on, each poll of a host's tasks costs virtual CPU time.
    HostSlowed {
        /// Nanoseconds; 0 ends the slowdown.
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
    /// Code on this host made a system call that the simulator does not control: a thread, a process, a socket, sleep.
    Escaped {
        /// A description.
        what: Arc<str>,
        /// The source location; empty if unknown, or if already reported for this host.
        place: Arc<str>,
    },
    /// A fault begins.
    FaultStarted {
        /// Its index in the plan.
        fault: u32,
        /// Its name.
        name: Arc<str>,
        /// A description.
        text: Arc<str>,
    },
    /// A fault ends.
    FaultEnded {
        /// Its index in the plan.
        fault: u32,
    },
    /// A connection was established.
    ConnectionOpened {
        /// Its number in the network.
        flow: u64,
        /// The host that dialled.
        from: Arc<str>,
        /// The host that accepted.
        to: Arc<str>,
    },
    /// A connection, or a connect, ended.
    ConnectionClosed {
        /// Its number in the network.
        flow: u64,
        /// The host that dialled.
        from: Arc<str>,
        /// The host that was dialled.
        to: Arc<str>,
        /// How.
        how: Close,
    },
    /// A fault, or a link, affected a segment or a connection.
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
        /// The responsible faults, by index in the plan; empty for the link's own loss.
        faults: Vec<u32>,
    },
    /// A workload starts a call on this line's host.
    CallStarted {
        /// Its number in the run.
        call: u64,
        /// Its workload, by index in the plan.
        workload: u32,
        /// The target as `node.port`.
        to: Arc<str>,
        /// The trace identifier of all its hops and executions.
        trace: Id,
        /// Its timeout, nanoseconds.
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
        /// The trace of its call.
        trace: Id,
        /// The hop's identifier, shared by the execution at the other end.
        span: Id,
        /// The execution that sends it; 0 for a workload.
        parent: Id,
        /// `node.port`, or empty.
        from: Arc<str>,
        /// `node.port`
        to: Arc<str>,
        /// The sending module.
        source_module: Arc<str>,
        /// The module that owns the target node.
        target_module: Arc<str>,
        /// 0 for a call's first hop.
        depth: u32,
        /// 1 for the first attempt, more for a retry.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        attempt: u32,
        /// The hop of the previous attempt; 0 for the first.
        #[serde(default, skip_serializing_if = "is_none")]
        previous: Id,
        /// The digest of the message's idempotency key; 0 for none.
        #[serde(default, skip_serializing_if = "is_none")]
        key: Id,
        /// Its timeout, nanoseconds.
        timeout: u64,
        /// Payload size.
        bytes: u64,
        /// Payload digest.
        digest: Id,
    },
    /// A hop ended, as its sender saw it.
    HopEnded {
        /// The hop's identifier.
        span: Id,
        /// How.
        outcome: Outcome,
        /// The metric's status label. Spec: router H-10.
        status: Arc<str>,
        /// The receiver as `host:port`; empty if it was never sent.
        peer: Arc<str>,
        /// Whether it reached the transport, if only for a dial. Spec: router H-11.
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
        /// The trace of its call.
        trace: Id,
        /// Its identifier: the hop's span if it is remote, a new one otherwise.
        span: Id,
        /// The hop or execution that caused it; 0 for a workload.
        parent: Id,
        /// The handling module.
        module: Arc<str>,
        /// The node.
        node: Arc<str>,
        /// The port.
        port: Arc<str>,
        /// Whether the message came from another module.
        remote: bool,
        /// The number of hops so far.
        depth: u32,
        /// 1 for the first attempt, more for a retry.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        attempt: u32,
        /// The digest of the message's idempotency key; 0 for none.
        #[serde(default, skip_serializing_if = "is_none")]
        key: Id,
        /// Its timeout, nanoseconds; 0 without one.
        #[serde(default, skip_serializing_if = "is_zero")]
        timeout: u64,
        /// Payload size.
        bytes: u64,
        /// Payload digest.
        digest: Id,
    },
    /// A component finished a message.
    HandleEnded {
        /// Its identifier.
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
    /// A `squall::note` by user code.
    Noted {
        /// Its name.
        name: Arc<str>,
        /// Its value, as JSON.
        value: Arc<str>,
    },
    /// An event of one system.
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
