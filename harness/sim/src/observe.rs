//! What the simulator tells about a run, besides what the code under test says with `tracing`.

use std::sync::Arc;

/// Watches a run. Called on the simulation thread, in order of happening.
pub trait Observer: Send {
    /// `event` happened on `host` (on none: to the world) at `at` virtual nanoseconds.
    fn observe(&mut self, at: u64, host: Option<&Arc<str>>, event: SimEvent);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Observer for Blind {
    fn observe(&mut self, _: u64, _: Option<&Arc<str>>, _: SimEvent) {}
}

/// What happened in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimEvent {
    /// A host came up.
    Started {
        /// 0 for the first start.
        incarnation: u32,
    },
    /// A host went down.
    Stopped {
        /// Which incarnation.
        incarnation: u32,
        /// How.
        how: Down,
        /// Tasks that were ended.
        tasks: u64,
        /// Sockets that were closed.
        sockets: u64,
        /// Why, when it failed by itself.
        error: String,
    },
    /// A host is not scheduled from here on.
    Paused,
    /// A host is scheduled again.
    Resumed,
    /// Each poll of a host's tasks costs so much virtual CPU time from here on.
    Slowed {
        /// Nanoseconds; 0: it is not slow any more.
        per_poll: u64,
    },
    /// A task of a host panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// A host's task called `tokio::spawn`.
    StrayTask {
        /// Where in the code: file, line and column.
        place: String,
    },
    /// Code of a host, or of the run itself, asked of the system what a run cannot answer for.
    Escaped {
        /// What it does, in words.
        what: String,
        /// Where in the code; empty when that was said of the host before, or is not known.
        place: String,
    },
    /// A connection was established.
    Opened(Connection),
    /// A connection, or the attempt at one, ended.
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
        /// Which faults did it; none when it was the link's own loss.
        faults: Vec<u32>,
    },
}

/// Names a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Unique in a run.
    pub flow: u64,
    /// Who dialled.
    pub from: Arc<str>,
    /// Who was dialled.
    pub to: Arc<str>,
}

/// How a host went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// The process died; the kernel closed its sockets.
    Killed,
    /// The machine died, silently.
    Crashed,
    /// The process ended by itself with an error or a panic.
    Failed,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Both sides closed it in order.
    Finished,
    /// By a reset, or a machine died under it.
    Reset,
    /// Nothing got through for too long.
    TimedOut,
    /// Nobody listened.
    Refused,
}

/// What happened to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Lost, and sent again later.
    Lost,
    /// Held by a partition, and sent again later; or stopped on its link.
    Held,
    /// Delivered later than its link alone would have.
    Delayed,
    /// One end is a machine that is down, or nobody answers connects.
    Dropped,
    /// A connect was answered with a refusal.
    Refused,
    /// An open connection was reset; no segment, and from the host that dialled.
    Reset,
}
