//! Observations of the simulator, besides the `tracing` events of the code under test.

use std::sync::Arc;

/// Observes a run. Called on the simulation thread, in order of occurrence.
pub trait Observer: Send {
    /// `event` occurred on `host` (`None`: in the world) at `at` virtual nanoseconds.
    fn observe(&mut self, at: u64, host: Option<&Arc<str>>, event: SimEvent);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Observer for Blind {
    fn observe(&mut self, _: u64, _: Option<&Arc<str>>, _: SimEvent) {}
}

/// An event in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimEvent {
    /// A host came up.
    Started {
        /// 0 for the first start.
        incarnation: u32,
    },
    /// A host went down.
    Stopped {
        /// The incarnation.
        incarnation: u32,
        /// How.
        how: Down,
        /// The number of cancelled tasks.
        tasks: u64,
        /// The number of closed sockets.
        sockets: u64,
        /// The error, if it failed by itself.
        error: String,
    },
    /// A host is not scheduled from here on.
    Paused,
    /// A host is scheduled again.
    Resumed,
    /// From here on, each poll of a host's tasks costs virtual CPU time.
    Slowed {
        /// Nanoseconds; 0 ends the slowdown.
        per_poll: u64,
    },
    /// A task of a host panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// A host's task called `tokio::spawn`.
    StrayTask {
        /// The source location: file, line and column.
        place: String,
    },
    /// Code of a host, or of the run itself, made a system call that the simulator does not control.
    Escaped {
        /// A description.
        what: String,
        /// The source location; empty if unknown, or if already reported for this host.
        place: String,
    },
    /// A connection was established.
    Opened(Connection),
    /// A connection, or a connect, ended.
    Closed(Connection, Closed),
    /// A segment was touched by a fault or by its link's own loss.
    Touched {
        /// What happened to it.
        touch: Touch,
        /// The flow's number.
        flow: u64,
        /// The sending host.
        from: Arc<str>,
        /// The receiving host.
        to: Arc<str>,
        /// Payload bytes.
        bytes: u64,
        /// The responsible faults; empty for the link's own loss.
        faults: Vec<u32>,
    },
}

/// Identifies a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Unique in a run.
    pub flow: u64,
    /// The host that dialled.
    pub from: Arc<str>,
    /// The host that was dialled.
    pub to: Arc<str>,
}

/// How a host went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// The process died; the kernel closed its sockets.
    Killed,
    /// The machine lost power, without closing connections.
    Crashed,
    /// The process ended by itself with an error or a panic.
    Failed,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Both sides closed it in order.
    Finished,
    /// By a reset, or by the death of a machine.
    Reset,
    /// Retransmission gave up.
    TimedOut,
    /// No listener.
    Refused,
}

/// What happened to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Lost, and retransmitted later.
    Lost,
    /// Held by a partition, and retransmitted later; or held back on its link.
    Held,
    /// Delivered later than its link alone would have.
    Delayed,
    /// One end is a machine that is down, or connects get no response.
    Dropped,
    /// A refused connect.
    Refused,
    /// Not a segment: an open connection was reset. `from` is the host that dialled.
    Reset,
}
