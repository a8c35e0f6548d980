//! The table of registrations: connections, their namespaces, and their events.
//!
//! Everything here is synchronous and pure: functions of the table, the event, and its time. The owner of the table
//! holds one lock from a check to the change, so that two requests can never both find a namespace free.
//! Notifications are collected as [`Change`]s, which are taken under the same lock.
//!
//! | subject | file |
//! |---|---|
//! | the data, and queries | here |
//! | the state machine of one connection | `phase` |
//! | from the first message to the last heartbeat | `life` |
//! | a namespace: its modules, its members, the turn | `namespace` |
//! | whether a member responds | `standing` |
//! | departure, requested or forced | `leave` |

mod leave;
mod life;
mod namespace;
mod phase;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::SystemTime;

use squall_engine::ModuleSpec;
use squall_value::CType;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::address;
use crate::in_flight::InFlight;
use crate::info::{ProviderInfo, State};
use crate::pool::{Endpoint, NoExecutors};

pub(crate) use life::OpenError;
pub(crate) use namespace::Namespace;
use phase::Event;
pub(crate) use phase::{Cause, Phase, Timers};
pub(crate) use standing::Standing;

/// All connections, in the order of their registration.
pub(crate) struct Table {
    timers: Timers,
    connections: BTreeMap<u64, Connection>,
    /// The keys of `connections`.
    serials: BTreeMap<Arc<str>, u64>,
    /// The number of connections per executor address.
    executors: BTreeMap<Arc<str>, usize>,
    namespaces: BTreeMap<Arc<str>, Namespace>,
    next: u64,
    /// The size of all registrations, on the wire.
    bytes: usize,
    changes: Vec<Change>,
    /// Modules that no member has any more. They are dropped where no task waits for that.
    waste: Vec<Declared>,
}

/// The size of a registration, on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    /// If the namespace is free.
    pub(crate) founds: usize,
    /// In addition to the common part of the group.
    pub(crate) joins: usize,
}

/// One provider, from its registration until it leaves.
pub(crate) struct Connection {
    pub(crate) identity: Arc<Identity>,
    /// Short names. Only partial deregistration removes some. Shared with readers that do not hold the lock.
    pub(crate) modules: Arc<BTreeSet<Arc<str>>>,
    /// The protocol version that both sides support.
    pub(crate) version: i32,
    pub(crate) phase: Phase,
    pub(crate) registered_at: SystemTime,
    pub(crate) last_heartbeat: Option<SystemTime>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) standing: Arc<Standing>,
    /// Its share of [`Table::bytes`].
    bytes: usize,
}

/// The constant data of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) connection: Arc<str>,
    pub(crate) namespace: Arc<str>,
    /// `None` for a provider that owns its namespace alone.
    pub(crate) group: Option<Arc<str>>,
    /// As it was sent.
    pub(crate) executor: Arc<str>,
}

/// A module as a provider has declared it.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) short_name: Arc<str>,
    /// The declared form; in the specification it is expanded into fields.
    pub(crate) input: CType,
    pub(crate) spec: Arc<ModuleSpec>,
    /// The size of the declaration, on the wire.
    pub(crate) bytes: usize,
}

/// A point in time, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// For timeouts.
    pub(crate) instant: Instant,
    /// For people.
    pub(crate) wall: SystemTime,
}

/// A change that must be published.
#[derive(Debug)]
pub(crate) enum Change {
    /// A provider has registered these modules, by their qualified names.
    Registered {
        identity: Arc<Identity>,
        modules: Vec<Arc<str>>,
    },
    /// A provider has changed its state.
    Entered {
        identity: Arc<Identity>,
        state: State,
        cause: Cause,
    },
    /// The namespace has no owner any more.
    Released { namespace: Arc<str> },
}

/// A connection at one point in time. Cheap to create: see [`ProviderInfo`] for its content.
pub(crate) struct Snapshot {
    number: u64,
    identity: Arc<Identity>,
    modules: Arc<BTreeSet<Arc<str>>>,
    state: State,
    registered_at: SystemTime,
    last_heartbeat: Option<SystemTime>,
    in_flight: usize,
}

/// The target of a call.
pub(crate) struct Picked {
    pub(crate) identity: Arc<Identity>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) standing: Arc<Standing>,
}

impl Table {
    pub(crate) fn new(timers: Timers) -> Self {
        Table {
            timers,
            connections: BTreeMap::new(),
            serials: BTreeMap::new(),
            executors: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            next: 0,
            bytes: 0,
            changes: vec![],
            waste: vec![],
        }
    }

    /// The changes since the last query.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The modules without a member since the last query: dropping them may take long.
    pub(crate) fn take_waste(&mut self) -> Vec<Declared> {
        std::mem::take(&mut self.waste)
    }

    /// The size of all registrations, on the wire: the common part of a group counts once.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of connections.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn get(&self, connection: &str) -> Option<&Connection> {
        self.connections.get(self.serials.get(connection)?)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.values()
    }

    /// The declaration of a module, by its qualified name.
    pub(crate) fn module(&self, qualified: &str) -> Option<&Declared> {
        let (namespace, short_name) = qualified.rsplit_once('.')?;
        self.namespaces.get(namespace)?.modules.get(short_name)
    }

    /// All modules, in no particular order.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &Declared> {
        self.namespaces.values().flat_map(|it| it.modules.values())
    }

    /// Takes the turn of the next member that has the module, skipping one that was tried before. Members that are
    /// set aside are skipped, except for occasional trials; if all are set aside, they take turns as usual.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn pick(
        &mut self,
        declared: &Declared,
        except: Option<&str>,
        now: Instant,
    ) -> Result<Picked, NoExecutors> {
        let namespace = declared.spec.namespace().unwrap_or_default();
        let namespace = self.namespaces.get_mut(namespace).ok_or(NoExecutors)?;
        let (serials, connections) = (&self.serials, &self.connections);
        let get = |connection: &str| connections.get(serials.get(connection)?);
        let suits = |endpoint: &Endpoint| {
            except != Some(&*endpoint.connection)
                && get(&endpoint.connection).is_some_and(|it| it.modules.contains(&declared.short_name))
        };
        let is_due = |endpoint: &Endpoint| {
            suits(endpoint) && get(&endpoint.connection).is_some_and(|it| it.standing.is_due(now))
        };
        let due = namespace.pool.pick_where(is_due);
        let endpoint = due.or_else(|_| namespace.pool.pick_where(suits))?;
        let connection = get(&endpoint.connection).ok_or(NoExecutors)?;
        connection.standing.asked(now);
        Ok(Picked {
            standing: connection.standing.clone(),
            identity: connection.identity.clone(),
            in_flight: connection.in_flight.clone(),
        })
    }

    /// The owners of this namespace with this executor address, in any spelling.
    pub(crate) fn at(&self, namespace: &str, executor: &str) -> impl Iterator<Item = &Connection> {
        let wanted = address::parse(executor).ok();
        let members = self.namespaces.get(namespace).map(|it| &it.members);
        let members = members.into_iter().flatten();
        members
            .filter_map(|serial| self.connections.get(serial))
            .filter(move |it| wanted.is_some() && address::parse(&it.identity.executor).ok() == wanted)
    }

    /// Whether a connection has this executor address.
    pub(crate) fn uses(&self, executor: &str) -> bool {
        self.executors.contains_key(executor)
    }

    /// All connections, in the order of their registration.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }

    /// The operators' view of those with these numbers. Expensive parts are computed later, without the lock.
    pub(crate) fn snapshots(&self, numbers: impl RangeBounds<u64>) -> impl Iterator<Item = Snapshot> {
        self.connections
            .range(numbers)
            .map(|(number, it)| it.snapshot(*number))
    }

    /// The same, for one connection.
    pub(crate) fn snapshot(&self, id: u64) -> Option<Snapshot> {
        let mut all = self.connections.iter();
        let (number, it) = all.find(|(_, it)| it.identity.id() == id)?;
        Some(it.snapshot(*number))
    }

    /// Modules after that of this qualified name, in the order of their namespaces and then of their names.
    pub(crate) fn modules_behind(&self, name: Option<&str>) -> impl Iterator<Item = &Declared> {
        let (namespace, short_name) = name.and_then(|it| it.rsplit_once('.')).unwrap_or_default();
        let begun = self.namespaces.get(namespace).into_iter();
        let rest = begun.flat_map(move |it| it.modules.range::<str, _>((Excluded(short_name), Unbounded)));
        let further = self.namespaces.range::<str, _>((Excluded(namespace), Unbounded));
        let further = further.flat_map(|(_, it)| &it.modules);
        rest.chain(further).map(|(_, module)| module)
    }

    /// The connections with a control plane that are not draining. Spec: provider 2.7, reports.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Connection> {
        self.connections
            .values()
            .filter(|it| matches!(it.phase, Phase::Active { .. }))
    }
}

impl Connection {
    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::Registered { .. } => State::Registered,
            Phase::Active { .. } => State::Active,
            Phase::Draining { .. } => State::Draining,
            Phase::Disconnected => State::Disconnected,
        }
    }

    fn snapshot(&self, number: u64) -> Snapshot {
        Snapshot {
            number,
            identity: self.identity.clone(),
            modules: self.modules.clone(),
            state: self.state(),
            registered_at: self.registered_at,
            last_heartbeat: self.last_heartbeat,
            in_flight: self.in_flight.count(),
        }
    }
}

impl Identity {
    /// Its identifier for operators: it does not reveal the connection's id, with which its modules could be
    /// deregistered.
    pub(crate) fn id(&self) -> u64 {
        xxh3_64(self.connection.as_bytes())
    }
}

impl From<Snapshot> for ProviderInfo {
    fn from(it: Snapshot) -> Self {
        let namespace = &it.identity.namespace;
        let qualified = |name: &Arc<str>| format!("{namespace}.{name}").into();
        ProviderInfo {
            id: it.identity.id(),
            number: it.number,
            connection: it.identity.connection.clone(),
            namespace: namespace.clone(),
            group: it.identity.group.clone(),
            executor: it.identity.executor.clone(),
            modules: it.modules.iter().map(qualified).collect(),
            state: it.state,
            registered_at: it.registered_at,
            last_heartbeat: it.last_heartbeat,
            in_flight: it.in_flight,
        }
    }
}

#[cfg(test)]
mod tests;
