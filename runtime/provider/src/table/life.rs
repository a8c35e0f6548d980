//! The life of a connection: registered, opened, alive, drained, checked. Spec: provider 2.7.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Bytes, Cause, Change, Connection, Declared, Event, Identity, Moment, Namespace, Phase, Table};
use crate::in_flight::InFlight;
use crate::pool::Endpoint;

/// Why a control plane cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// No connection has this id, or it has left.
    Unknown,
    /// The connection has one already.
    Open,
}

impl Table {
    /// Adds a provider whose request passed all checks: its namespace is free, or belongs to its group.
    ///
    /// A provider without modules owns nothing, and blocks no other one.
    pub(crate) fn register(
        &mut self,
        identity: Arc<Identity>,
        version: i32,
        modules: Vec<Declared>,
        bytes: Bytes,
        now: Moment,
    ) {
        let serial = self.next;
        self.next += 1;
        let short_names: BTreeSet<_> = modules.iter().map(|it| it.short_name.clone()).collect();
        self.changes.push(Change::Registered {
            identity: identity.clone(),
            modules: modules.iter().map(|it| it.spec.name.clone()).collect(),
        });
        self.bytes += bytes.joins;
        if !modules.is_empty() {
            self.join(serial, &identity, modules, bytes);
        }
        self.serials.insert(identity.connection.clone(), serial);
        *self.executors.entry(identity.executor.clone()).or_default() += 1;
        self.connections.insert(
            serial,
            Connection {
                identity,
                modules: Arc::new(short_names),
                version,
                phase: Phase::Registered { since: now.instant },
                registered_at: now.wall,
                last_heartbeat: None,
                in_flight: Arc::new(InFlight::default()),
                standing: Arc::default(),
                bytes: bytes.joins,
            },
        );
    }

    fn join(&mut self, serial: u64, identity: &Identity, modules: Vec<Declared>, bytes: Bytes) {
        let new = || {
            let common = bytes.founds.saturating_sub(bytes.joins);
            self.bytes += common;
            Namespace::new(identity.namespace.clone(), identity.group.clone(), common)
        };
        let namespace = self
            .namespaces
            .entry(identity.namespace.clone())
            .or_insert_with(new);
        for module in modules {
            match namespace.modules.entry(module.short_name.clone()) {
                Entry::Vacant(place) => {
                    place.insert(module);
                }
                Entry::Occupied(_) => self.waste.push(module),
            }
        }
        namespace.members.insert(serial);
        namespace.pool.add(Endpoint {
            connection: identity.connection.clone(),
            executor: identity.executor.clone(),
        });
    }

    /// The first message came on a control plane of this connection.
    ///
    /// # Errors
    /// The stream is not the connection's: see [`OpenError`].
    pub(crate) fn open(&mut self, connection: &str, now: Moment) -> Result<(), OpenError> {
        let serial = *self.serials.get(connection).ok_or(OpenError::Unknown)?;
        if !self.happens(serial, Event::Opened, now.instant) {
            return Err(OpenError::Open);
        }
        // Any first message is a sign of life.
        self.seen(serial, now);
        Ok(())
    }

    /// A heartbeat was received on its control plane.
    pub(crate) fn heartbeat(&mut self, connection: &str, now: Moment) {
        if let Some(serial) = self.serials.get(connection).copied() {
            self.happens(serial, Event::Heartbeat, now.instant);
            self.seen(serial, now);
        }
    }

    fn seen(&mut self, serial: u64, now: Moment) {
        let connection = self.connections.get_mut(&serial);
        if let Some(connection) = connection.filter(|it| matches!(it.phase, Phase::Active { .. })) {
            connection.last_heartbeat = Some(now.wall);
        }
    }

    /// An operator asks it to take no more calls, and to finish by then. False when it is unknown or not active.
    pub(crate) fn drain(&mut self, connection: &str, until: Instant, now: Moment) -> bool {
        let event = Event::DrainRequested { until };
        self.happens_to(connection, event, now.instant)
    }

    /// The provider announces that it drains. It has until then, unless it got another deadline before.
    pub(crate) fn drain_acked(&mut self, connection: &str, until: Instant, now: Moment) {
        self.happens_to(connection, Event::DrainAcked { until }, now.instant);
    }

    /// Deregisters connections whose time is over. A `late` check indicates that the manager stood still: then all
    /// deadlines move by that, and connections that would still be deregistered have one `period` more, so that
    /// received bytes are read first.
    pub(crate) fn check(&mut self, late: Duration, period: Duration, now: Moment) {
        let spare = if late.is_zero() { Duration::ZERO } else { period };
        for connection in self.connections.values_mut() {
            connection.phase.postpone(late, now.instant);
        }
        let all: Vec<u64> = self.connections.keys().copied().collect();
        for serial in all {
            self.happens(serial, Event::Checked { spare }, now.instant);
        }
    }

    /// The earliest drain deadline.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        let deadlines = self.connections.values().filter_map(|it| match it.phase {
            Phase::Draining { until, .. } => Some(until),
            _ => None,
        });
        deadlines.min()
    }

    pub(super) fn happens_to(&mut self, connection: &str, event: Event, now: Instant) -> bool {
        match self.serials.get(connection).copied() {
            Some(serial) => self.happens(serial, event, now),
            None => false,
        }
    }

    /// Applies an event to a connection, with all consequences. True when its state has changed.
    fn happens(&mut self, serial: u64, event: Event, now: Instant) -> bool {
        let Some(connection) = self.connections.get_mut(&serial) else {
            return false;
        };
        let Some(cause) = connection.phase.on(event, now, &self.timers) else {
            return false;
        };
        let (identity, state) = (connection.identity.clone(), connection.state());
        if !connection.phase.takes_calls()
            && let Some(namespace) = self.namespaces.get_mut(&identity.namespace)
        {
            namespace.pool.remove(&identity.connection);
        }
        if cause == Cause::DrainDeadline {
            connection.in_flight.cut();
        }
        let is_gone = connection.phase == Phase::Disconnected;
        self.changes.push(Change::Entered {
            identity,
            state,
            cause,
        });
        if is_gone {
            self.remove(serial);
        }
        true
    }
}
