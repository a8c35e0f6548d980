//! Faults: when they strike, and what they do.

use std::time::Duration;

use squall_sim::ClockShift;

use super::{Bandwidth, Canary, Latency, Pairs, Ratio};

/// One fault, from `at` until `until`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The file's `name`, or `#3` for the third one.
    pub name: String,
    /// When it strikes.
    pub at: Duration,
    /// When it ends; never, when absent. Not before `at`.
    pub until: Option<Duration>,
    /// What happens.
    pub kind: FaultKind,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// Segments are held between these hosts, and retransmitted.
    Partition(Pairs),
    /// Links take longer.
    Latency {
        /// Which links.
        pairs: Pairs,
        /// How long.
        latency: Latency,
        /// On top of the link's own latency, or instead of it.
        added: bool,
    },
    /// Links lose segments.
    Loss {
        /// Which links.
        pairs: Pairs,
        /// How many. Instead of the link's own loss.
        ratio: Ratio,
    },
    /// Links are as narrow as this.
    Bandwidth {
        /// Which links.
        pairs: Pairs,
        /// How much crosses. Instead of the link's own bandwidth.
        rate: Bandwidth,
    },
    /// Segments stop between these hosts, and go on when the fault ends.
    Hold(Pairs),
    /// The connections between these hosts are reset, at the instant that it strikes: it ends with that.
    Reset(Pairs),
    /// Connects are refused at once; open connections go on.
    Refuse(Connects),
    /// Connects are never answered; open connections go on.
    Blackhole(Connects),
    /// The processes die, and their kernels close their sockets. They start again when the fault ends.
    Kill {
        /// Host names.
        hosts: Vec<String>,
    },
    /// The machines die without a word. They boot again when the fault ends.
    Crash {
        /// Host names.
        hosts: Vec<String>,
    },
    /// The processes are not scheduled; their kernels go on.
    Pause {
        /// Host names.
        hosts: Vec<String>,
    },
    /// The wall clocks of the machines jump, and jump back when the fault ends. Several such faults add up.
    Clock {
        /// Host names.
        hosts: Vec<String>,
        /// Which way, and how far.
        shift: ClockShift,
    },
    /// The servers shut down in phases, and their processes start anew when the fault ends.
    Drain {
        /// Host names.
        hosts: Vec<String>,
        /// How long they wait for what is in the works.
        grace: Duration,
    },
    /// A node is destroyed; an instance of it is installed again when the fault ends.
    Remove {
        /// The node. It exists.
        node: String,
    },
    /// A node is on another module until the fault ends, with a fresh instance there and one when it is back.
    Move {
        /// The node. It exists.
        node: String,
        /// The other module. It exists, and is not the node's own.
        to: String,
        /// Each host hears of each change after a time of its own, up to this.
        late: Duration,
        /// Whether each host hears of each change a second time.
        twice: bool,
    },
    /// No port of a node can be delivered to until the fault ends.
    Close {
        /// The node. It exists.
        node: String,
    },
    /// Discovery says that a module runs on these hosts alone; on all of its hosts when the fault ends.
    Announce {
        /// The module. It exists.
        module: String,
        /// Some of its hosts; none: it is not discovered.
        hosts: Vec<String>,
        /// Each host hears of each change after a time of its own, up to this.
        late: Duration,
        /// Whether each host hears of each change a second time.
        twice: bool,
    },
    /// Heartbeats of providers are not sent, or not acknowledged. All else is.
    HeartbeatLoss {
        /// The provider, or one host of it, as the file says it.
        provider: String,
        /// Its hosts.
        hosts: Vec<String>,
        /// Whether it is the acknowledgements that are not sent.
        acks: bool,
    },
    /// Managers ask providers to end what they have, and leave. It happens at one instant.
    DrainProvider {
        /// The provider, or one host of it, as the file says it.
        provider: String,
        /// Its hosts.
        hosts: Vec<String>,
        /// How long they have; as long as their managers say when absent.
        deadline: Option<Duration>,
        /// What they are told.
        reason: String,
    },
    /// Providers try out other modules. It begins at one instant, and ends by itself.
    Canary(Canary),
}

/// Attempts to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connects {
    /// To these hosts, from wherever.
    To(Vec<String>),
    /// Between these hosts, by who dials whom.
    Between(Pairs),
}
