//! Both ends of the transport, folded from the journal: client pools and servers of modules.

use std::sync::Arc;

use squall_core::calls::Moment;
use squall_core::journal::{Entry, Journal};
use squall_core::oracle::{Evidence, Run};

use crate::journal::RouterEvent;

/// The history of pools and servers.
#[derive(Debug, Default)]
pub struct Wire {
    /// State changes of endpoints in client pools, in order.
    pub endpoints: Vec<Endpoint>,
    /// Phases of shutdowns of modules' servers, in order.
    pub drains: Vec<Drain>,
}

/// A state change of an endpoint in a client pool.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// When.
    pub moment: Moment,
    /// The host of the pool.
    pub host: Arc<str>,
    /// The target module.
    pub module: Arc<str>,
    /// `host:port`
    pub address: Arc<str>,
    /// `connecting`, `ready`, `suspect`, `backoff`, `draining`, `closed`
    pub state: Arc<str>,
    /// The cause.
    pub cause: Arc<str>,
}

/// A server's shutdown entered a phase.
#[derive(Debug, Clone)]
pub struct Drain {
    /// When.
    pub moment: Moment,
    /// The server's host.
    pub host: Arc<str>,
    /// `not_serving`, `goaway`, `waiting`, `cancelling`, `aborting`, `stopped`
    pub phase: Arc<str>,
    /// In-flight requests.
    pub in_flight: u64,
    /// Open connections.
    pub connections: u64,
}

impl Evidence for Wire {
    fn of(run: &Run<'_>) -> Self {
        Wire::of(run.journal)
    }
}

impl Wire {
    /// Folds a journal.
    #[must_use]
    pub fn of(journal: &Journal) -> Self {
        let mut wire = Wire::default();
        for entry in &journal.entries {
            wire.add(entry);
        }
        wire
    }

    fn add(&mut self, entry: &Entry) {
        let moment = Moment::of(entry);
        match entry.event.get() {
            Some(RouterEvent::Endpoint {
                module,
                endpoint,
                state,
                cause,
            }) => self.endpoints.push(Endpoint {
                moment,
                host: entry.host.clone(),
                module: module.clone(),
                address: endpoint.clone(),
                state: state.clone(),
                cause: cause.clone(),
            }),
            Some(RouterEvent::ServerDrain {
                module: _,
                phase,
                in_flight,
                connections,
            }) => self.drains.push(Drain {
                moment,
                host: entry.host.clone(),
                phase: phase.clone(),
                in_flight: *in_flight,
                connections: *connections,
            }),
            _ => {}
        }
    }
}
