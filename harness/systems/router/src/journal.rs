//! Journal events of modules, besides hops and executions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_core::calls::Folding;
use squall_core::journal::{Entry, Event, EventKind, SystemEvent};

/// How to read them from a file.
pub const KIND: EventKind = EventKind {
    kinds: &["endpoint", "server_drain", "calls_counted", "latency_counted"],
    read: |value| serde_json::from_value::<RouterEvent>(value).map(Event::of),
};

/// An event of a module's connections, server or counters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RouterEvent {
    /// A client pool's endpoint changed its state.
    Endpoint {
        /// The module that the endpoint leads to.
        module: Arc<str>,
        /// `host:port`
        endpoint: Arc<str>,
        /// `connecting`, `ready`, `suspect`, `backoff`, `draining`, `closed`
        state: Arc<str>,
        /// The cause of a failure.
        cause: Arc<str>,
    },
    /// A phase of the shutdown of a module's server.
    ServerDrain {
        /// The module.
        module: Arc<str>,
        /// `not_serving`, `goaway`, `waiting`, `cancelling`, `aborting`, `stopped`
        phase: Arc<str>,
        /// In-flight requests.
        in_flight: u64,
        /// Open connections.
        connections: u64,
    },
    /// The final value of a counter: calls from a process of the line's host to a module, by status. Recorded at the
    /// end of the run for every process. Spec: router S-34.
    CallsCounted {
        /// The incarnation of the host.
        incarnation: u32,
        /// The calling module.
        source_module: Arc<str>,
        /// The called module; empty if the node has no owner.
        target_module: Arc<str>,
        /// The metric's status label. Spec: router H-10.
        status: Arc<str>,
        /// How many.
        calls: u64,
    },
    /// The final value of a latency counter: calls from a process of the line's host to a module that reached the
    /// transport. Recorded with [`RouterEvent::CallsCounted`]. Spec: router S-35.
    LatencyCounted {
        /// The incarnation of the host.
        incarnation: u32,
        /// The calling module.
        source_module: Arc<str>,
        /// The called module.
        target_module: Arc<str>,
        /// How many.
        calls: u64,
        /// Their total latency in nanoseconds, converted from floating-point seconds.
        took: u64,
    },
}

impl From<RouterEvent> for Event {
    fn from(event: RouterEvent) -> Self {
        Event::of(event)
    }
}

impl SystemEvent for RouterEvent {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    /// These events do not affect calls: messages of the router are [`Event::HopStarted`] and the like.
    fn fold<'j>(&'j self, _: &'j Entry, _: &mut Folding<'j>) {}
}
