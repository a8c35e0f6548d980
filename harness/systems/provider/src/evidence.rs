//! The history of providers and of their connections to managers, folded from the journal.
//!
//! A connection is one registration of one host at one manager; a reconnect makes a new one. A manager that dies records
//! nothing about its connections, so they count as deregistered from then on.

mod canary;

use std::sync::Arc;

use indexmap::IndexMap;
use squall_core::calls::Moment;
use squall_core::journal::{Entry, Event, Journal};
pub use squall_core::network::host_of;
use squall_core::oracle::{Evidence, Run};

pub use self::canary::{Canary, CanaryEnd, Division, Step};
use crate::journal::ProviderEvent;
use crate::plan::ProviderState;

/// The cause of deregistration by a manager's death.
pub const MANAGER_DIED: &str = "the manager died";

/// The history of all providers.
#[derive(Debug, Default)]
pub struct Providers {
    /// In the order of their registrations.
    pub connections: Vec<Connection>,
    /// Rejected registrations.
    pub rejections: Vec<Rejection>,
    /// Canaries, by host of the provider, in the order of their first steps.
    pub canaries: Vec<Canary>,
    /// Released namespaces: when, by which manager, and which.
    pub released: Vec<(Moment, Arc<str>, Arc<str>)>,
    /// Heartbeats that a fault kept from being sent: when, and the provider's host.
    pub heartbeats_lost: Vec<(u64, Arc<str>)>,
    /// Heartbeats that a fault kept from being acknowledged: when, and the provider's host.
    pub acks_lost: Vec<(u64, Arc<str>)>,
    by_id: IndexMap<Arc<str>, usize>,
}

/// One registration at one manager.
#[derive(Debug)]
pub struct Connection {
    /// Its identifier.
    pub id: Arc<str>,
    /// The manager's host.
    pub manager: Arc<str>,
    /// The provider's host, from its executor's address.
    pub host: Arc<str>,
    /// The address of its executor.
    pub executor: Arc<str>,
    /// The namespace of its modules.
    pub namespace: Arc<str>,
    /// Its group; empty for none.
    pub group: Arc<str>,
    /// Qualified names.
    pub modules: Vec<Arc<str>>,
    /// All states. The first is [`ProviderState::Registered`].
    pub states: Vec<Change>,
    /// When the manager received heartbeats.
    pub heartbeats: Vec<Moment>,
    /// When the manager ejected it (true) or readmitted it (false).
    pub aside: Vec<(Moment, bool)>,
}

/// A state change of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Since when.
    pub moment: Moment,
    /// The new state.
    pub state: ProviderState,
    /// The cause.
    pub cause: Arc<str>,
}

/// A rejected registration.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// When.
    pub moment: Moment,
    /// The manager's host.
    pub manager: Arc<str>,
    /// The provider's host.
    pub host: Arc<str>,
    /// The requested namespace.
    pub namespace: Arc<str>,
    /// The reason.
    pub reason: Arc<str>,
}

impl Evidence for Providers {
    fn of(run: &Run<'_>) -> Self {
        Providers::of(run.journal)
    }
}

impl Providers {
    /// Folds a journal.
    #[must_use]
    pub fn of(journal: &Journal) -> Self {
        let mut providers = Providers::default();
        for entry in &journal.entries {
            if let Some(event) = entry.event.get() {
                providers.add(entry, event);
            }
            if let Event::HostStopped { .. } = &entry.event {
                providers.stopped(moment(entry), &entry.host);
            }
        }
        providers
    }

    /// The connection with this identifier.
    #[must_use]
    pub fn connection(&self, id: &str) -> Option<&Connection> {
        self.by_id.get(id).map(|place| &self.connections[*place])
    }

    /// Every connection of a provider's host at a manager, in order.
    pub fn of_host(&self, host: &str, manager: &str) -> impl Iterator<Item = &Connection> {
        self.connections
            .iter()
            .filter(move |connection| &*connection.host == host && &*connection.manager == manager)
    }

    /// Every state change of a provider's host at a manager, in order, with the registration time of its connection.
    /// Only the newest connection at each time counts: the state of a superseded one, such as a dead process's, is not
    /// the provider's state.
    #[must_use]
    pub fn changes(&self, host: &str, manager: &str) -> Vec<(Moment, &Change)> {
        let connections: Vec<_> = self.of_host(host, manager).collect();
        let mut changes = Vec::new();
        for (place, connection) in connections.iter().enumerate() {
            let successor = connections.get(place + 1).map(|it| it.registered());
            let present = connection
                .states
                .iter()
                .take_while(|change| successor.is_none_or(|successor| change.moment < successor));
            changes.extend(present.map(|change| (connection.registered(), change)));
        }
        changes
    }

    fn add(&mut self, entry: &Entry, event: &ProviderEvent) {
        let moment = moment(entry);
        match event {
            ProviderEvent::Registered {
                connection,
                namespace,
                group,
                executor,
                modules,
            } => {
                self.by_id.insert(connection.clone(), self.connections.len());
                self.connections.push(Connection {
                    id: connection.clone(),
                    manager: entry.host.clone(),
                    host: host_of(executor).into(),
                    executor: executor.clone(),
                    namespace: namespace.clone(),
                    group: group.clone(),
                    modules: names(modules),
                    states: vec![Change {
                        moment,
                        state: ProviderState::Registered,
                        cause: "".into(),
                    }],
                    heartbeats: Vec::new(),
                    aside: Vec::new(),
                });
            }
            ProviderEvent::Rejected {
                namespace,
                executor,
                reason,
                ..
            } => self.rejections.push(Rejection {
                moment,
                manager: entry.host.clone(),
                host: host_of(executor).into(),
                namespace: namespace.clone(),
                reason: reason.clone(),
            }),
            ProviderEvent::State {
                connection,
                state,
                cause,
                ..
            } => {
                let known = ProviderState::NAMES.iter().find(|(name, _)| *name == &**state);
                if let (Some(connection), Some((_, state))) = (self.connection_mut(connection), known) {
                    connection.states.push(Change {
                        moment,
                        state: *state,
                        cause: cause.clone(),
                    });
                }
            }
            ProviderEvent::MemberState {
                connection, state, ..
            } => {
                if let Some(connection) = self.connection_mut(connection) {
                    connection.aside.push((moment, &**state == "aside"));
                }
            }
            ProviderEvent::NamespaceReleased { namespace } => {
                let released = (moment, entry.host.clone(), namespace.clone());
                self.released.push(released);
            }
            ProviderEvent::HeartbeatReceived { connection, .. } => {
                if let Some(connection) = self.connection_mut(connection) {
                    connection.heartbeats.push(moment);
                }
            }
            ProviderEvent::HeartbeatSuppressed { .. } => {
                self.heartbeats_lost.push((moment.at, entry.host.clone()));
            }
            ProviderEvent::AckSuppressed { connection } => {
                let host = self
                    .connection(connection)
                    .map(|connection| connection.host.clone());
                self.acks_lost.extend(host.map(|host| (moment.at, host)));
            }
            ProviderEvent::CanaryStep {
                instance,
                step,
                version,
            } => self.canary(&entry.host).steps.push(Step {
                moment,
                instance: instance.clone(),
                step: step.clone(),
                version: version.clone(),
            }),
            ProviderEvent::CanaryEnded { outcome, reason } => {
                self.canary(&entry.host).end = Some(CanaryEnd {
                    moment,
                    outcome: outcome.clone(),
                    reason: reason.clone(),
                });
            }
            ProviderEvent::CanaryDivided {
                promoted,
                failed,
                unchanged,
            } => {
                let canary = self.canaries.iter_mut().rfind(|canary| canary.host == entry.host);
                if let Some(canary) = canary {
                    canary.divided = Some(Division {
                        promoted: names(promoted),
                        failed: names(failed),
                        unchanged: names(unchanged),
                    });
                }
            }
            ProviderEvent::ExecuteStarted { .. }
            | ProviderEvent::ExecuteEnded { .. }
            | ProviderEvent::ExecutionStarted { .. }
            | ProviderEvent::ExecutionEnded { .. }
            | ProviderEvent::InstanceState { .. }
            | ProviderEvent::HeartbeatSent { .. } => {}
        }
    }

    /// Ends the connections of a manager's host that died.
    fn stopped(&mut self, moment: Moment, host: &str) {
        let open = self
            .connections
            .iter_mut()
            .filter(|connection| &*connection.manager == host && !connection.is_over());
        for connection in open {
            connection.states.push(Change {
                moment,
                state: ProviderState::Deregistered,
                cause: MANAGER_DIED.into(),
            });
        }
    }

    fn connection_mut(&mut self, id: &str) -> Option<&mut Connection> {
        self.by_id.get(id).map(|place| &mut self.connections[*place])
    }

    /// The canary in progress on a host, or a new one.
    fn canary(&mut self, host: &Arc<str>) -> &mut Canary {
        let open = self
            .canaries
            .iter()
            .position(|canary| canary.host == *host && canary.end.is_none());
        let place = open.unwrap_or_else(|| {
            self.canaries.push(Canary {
                host: host.clone(),
                steps: Vec::new(),
                end: None,
                divided: None,
            });
            self.canaries.len() - 1
        });
        &mut self.canaries[place]
    }
}

impl Connection {
    /// When it was registered.
    #[must_use]
    pub fn registered(&self) -> Moment {
        self.states[0].moment
    }

    /// When it first entered this state.
    #[must_use]
    pub fn since(&self, state: ProviderState) -> Option<&Change> {
        self.states.iter().find(|change| change.state == state)
    }

    /// Its end, if it has one.
    #[must_use]
    pub fn end(&self) -> Option<&Change> {
        self.since(ProviderState::Deregistered)
    }

    fn is_over(&self) -> bool {
        self.end().is_some()
    }
}

fn names(text: &str) -> Vec<Arc<str>> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(Arc::from).collect()
}

fn moment(entry: &Entry) -> Moment {
    Moment {
        at: entry.at,
        line: entry.number,
    }
}
