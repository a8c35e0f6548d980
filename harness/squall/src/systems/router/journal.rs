//! What a journal line can say of modules, beside hops and executions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calls::Folding;
use crate::journal::{Entry, Event, EventKind, SystemEvent};

/// How they are read back.
pub(crate) const KIND: EventKind = EventKind {
    kinds: &["endpoint", "server_drain", "calls_counted", "latency_counted"],
    read: |value| serde_json::from_value::<RouterEvent>(value).map(Event::of),
};

/// What happened to a module's connections, server or counters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RouterEvent {
    /// A client pool's endpoint changed its state.
    Endpoint {
        /// Whose endpoint.
        module: Arc<str>,
        /// `host:port`
        endpoint: Arc<str>,
        /// `connecting`, `ready`, `suspect`, `backoff`, `draining`, `closed`
        state: Arc<str>,
        /// Why, when it failed.
        cause: Arc<str>,
    },
    /// A phase of the shutdown of a module's server.
    ServerDrain {
        /// Whose.
        module: Arc<str>,
        /// `not_serving`, `goaway`, `waiting`, `cancelling`, `aborting`, `stopped`
        phase: Arc<str>,
        /// Requests in the works.
        in_flight: u64,
        /// Connections that are open.
        connections: u64,
    },
    /// How many calls to a module a process of this line's host says that it has made, of those that ended in one
    /// way. Said at the end of the run, of every process that there was. Spec: router S-34.
    CallsCounted {
        /// Which process of the host.
        incarnation: u32,
        /// The module that it is of.
        source_module: Arc<str>,
        /// Who was called; empty when nobody owns the node.
        target_module: Arc<str>,
        /// The metric's status label. Spec: router H-10.
        status: Arc<str>,
        /// How many.
        calls: u64,
    },
    /// How long calls to a module took, as a process of this line's host says: of those that reached the transport.
    /// Said with [`RouterEvent::CallsCounted`]. Spec: router S-35.
    LatencyCounted {
        /// Which process of the host.
        incarnation: u32,
        /// The module that it is of.
        source_module: Arc<str>,
        /// Who was called.
        target_module: Arc<str>,
        /// How many.
        calls: u64,
        /// Nanoseconds that they took together, of a sum of floating-point seconds.
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

    /// Nothing: the router's messages are [`Event::HopStarted`] and what follows.
    fn fold<'j>(&'j self, _: &'j Entry, _: &mut Folding<'j>) {}
}
