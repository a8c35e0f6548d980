//! The manager: an engine that adds the modules of its providers to those of the engine that it wraps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use squall_engine::{Call, CallError, Engine, Module, ModuleSpec, PipelineStore, SetError};
use squall_grpc::{Channel, ServeError};
use squall_platform::Platform;
use squall_value::CValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::control::Outbox;
use crate::in_flight::InFlight;
use crate::log::Log;
use crate::metrics::{self, Metrics};
use crate::server::Server;
use crate::table::{Change, Declared, Identity, Moment, Table, Timers};
use crate::turns::{BYTES_AT_ONCE, drop_modules};
use crate::{Config, ProviderInfo, State, events};

/// Takes registrations of providers, and calls them. Clones are the same manager.
///
/// It is an [`Engine`]: modules of providers are called like those of the wrapped engine, to which it passes
/// everything else. A name belongs to only one of the two. Spec: provider 2.1.
///
/// It holds its lock for queries and changes, and never while it waits.
pub struct Manager<P: Platform>(Arc<Shared<P>>);

pub(crate) struct Shared<P: Platform> {
    platform: P,
    config: Config,
    engine: Arc<dyn Engine>,
    metrics: Metrics,
    log: Log,
    registry: Mutex<Registry<P>>,
    /// The calls of providers' modules.
    in_flight: InFlight,
    /// Notified when a provider begins to drain: the next deadline may then be earlier.
    drains: Notify,
    /// Notified when a provider has left.
    departures: Notify,
    /// No provider may register any more.
    stopping: AtomicBool,
    /// Notified when that begins.
    stops: Notify,
}

/// The data behind the lock.
pub(crate) struct Registry<P: Platform> {
    pub(crate) table: Table,
    /// The open control planes, by connection.
    pub(crate) outboxes: BTreeMap<Arc<str>, Arc<Outbox>>,
    /// By executor url; only those that have been called, and whose members are registered.
    pub(crate) channels: BTreeMap<Arc<str>, Channel<P>>,
}

impl<P: Platform> Registry<P> {
    /// The report for a provider about its modules; `None` while it has no control plane.
    pub(crate) fn report(&self, connection: &str) -> Option<Report> {
        let it = self.table.get(connection)?;
        Some(Report {
            outbox: self.outboxes.get(connection)?.clone(),
            version: it.version,
            identity: it.identity.clone(),
            modules: it.modules.clone(),
        })
    }
}

/// The current modules of a provider. Created under the lock, and sent without it, because there may be many.
pub(crate) struct Report {
    outbox: Arc<Outbox>,
    version: i32,
    identity: Arc<Identity>,
    modules: Arc<BTreeSet<Arc<str>>>,
}

impl Report {
    /// Sends the short names. False when the provider reads too slowly and the queue is full.
    pub(crate) fn send(&self) -> bool {
        let modules = self.modules.iter().map(ToString::to_string).collect();
        self.outbox
            .report(self.version, &self.identity.connection, modules)
    }
}

impl<P: Platform> Manager<P> {
    /// A manager that wraps `engine`. Registration needs a running server: see [`Manager::bind`].
    pub fn new(platform: P, config: Config, engine: Arc<dyn Engine>) -> Self {
        let timers = Timers {
            control_plane: config.control_plane_timeout,
            heartbeat: config.heartbeat_timeout,
        };
        Manager(Arc::new(Shared {
            platform,
            config,
            engine,
            metrics: Metrics::default(),
            log: Log::default(),
            registry: Mutex::new(Registry {
                table: Table::new(timers),
                outboxes: BTreeMap::new(),
                channels: BTreeMap::new(),
            }),
            in_flight: InFlight::default(),
            drains: Notify::new(),
            departures: Notify::new(),
            stopping: AtomicBool::new(false),
            stops: Notify::new(),
        }))
    }

    /// Listens on [`Config::grpc_port`]. Providers are served while the server runs.
    ///
    /// # Errors
    /// When the port is taken or not allowed: the operator has to choose another one.
    pub async fn bind(&self) -> Result<Server<P>, ServeError> {
        Server::bind(self.clone()).await
    }

    /// All registered providers, in any state, in the order of their registration. Spec: provider 2.13.
    pub fn providers(&self) -> Vec<ProviderInfo> {
        self.providers_behind(None, usize::MAX)
    }

    /// The first `limit` of them that registered after the one with this [number](ProviderInfo::number), which need
    /// not exist.
    pub fn providers_behind(&self, number: Option<u64>, limit: usize) -> Vec<ProviderInfo> {
        let from = number.map_or(Unbounded, Excluded);
        let snapshots: Vec<_> = self
            .lock()
            .table
            .snapshots((from, Unbounded))
            .take(limit)
            .collect();
        snapshots.into_iter().map(Into::into).collect()
    }

    /// The provider with this [id](ProviderInfo::id).
    pub fn provider(&self, id: u64) -> Option<ProviderInfo> {
        let snapshot = self.lock().table.snapshot(id);
        snapshot.map(Into::into)
    }

    /// The first `limit` modules after the one of this qualified name, which need not exist, in the order of their
    /// namespaces, and then of their names.
    pub fn modules_behind(&self, name: Option<&str>, limit: usize) -> Vec<Arc<ModuleSpec>> {
        let is_behind = |it: &Arc<ModuleSpec>| name.is_none_or(|name| place(&it.name) > place(name));
        let mut modules = self.engine().modules();
        modules.retain(is_behind);
        let registry = self.lock();
        let external = registry.table.modules_behind(name).take(limit);
        modules.extend(external.map(|it| it.spec.clone()));
        drop(registry);
        modules.sort_by(|a, b| place(&a.name).cmp(&place(&b.name)));
        modules.truncate(limit);
        modules
    }

    /// Asks a provider to finish its calls, and to leave. It gets no more calls. When `deadline` has passed
    /// ([`Config::drain_deadline`] when there is none), it is deregistered, with the calls that it has not answered
    /// by then. False, without any effect, when the connection is unknown or not active. Spec: provider 2.7, section
    /// 5, rows 15 to 18.
    pub fn drain(&self, connection: &str, reason: &str, deadline: Option<Duration>) -> bool {
        let deadline = deadline.unwrap_or(self.config().drain_deadline);
        let drains = self.change(|registry, now| {
            let until = after(now.instant, deadline);
            let drains = registry.table.drain(connection, until, now);
            if let Some(outbox) = registry.outboxes.get(connection).filter(|_| drains) {
                let version = registry.table.get(connection).map_or(0, |it| it.version);
                outbox.drain(version, connection, reason, deadline);
            }
            drains
        });
        self.0.drains.notify_waiters();
        drains
    }

    /// The manager's counters as OpenMetrics text, with the content type [`CONTENT_TYPE`](crate::CONTENT_TYPE).
    /// Durations are seconds.
    ///
    /// | metric | labels | value |
    /// |---|---|---|
    /// | `constellation_provider_registrations_total` | | requests whose modules were registered |
    /// | `constellation_provider_rejections_total` | `reason` | requests that were rejected, by the kind of the first reason |
    /// | `constellation_provider_connections` | `state` | providers |
    /// | `constellation_provider_heartbeats_total` | | heartbeats received |
    /// | `constellation_provider_unread_messages_total` | | acknowledgements and reports that were not sent, because the provider reads too slowly |
    /// | `constellation_provider_calls_total` | `module`, `code` | calls of modules, by their result; `OK` for those with an output. The first 10,000 modules have their own counters, the others are `_others` |
    /// | `constellation_provider_call_latency_seconds` | `module` | their duration |
    /// | `constellation_provider_failovers_total` | | calls that were tried at a second member |
    /// | `constellation_provider_calls_in_flight` | | calls in flight |
    /// | `constellation_provider_pool_size` | `namespace` | members that take calls |
    pub fn metrics_text(&self) -> String {
        metrics::text(self)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn platform(&self) -> &P {
        &self.0.platform
    }

    /// The wrapped engine.
    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.0.engine
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    /// Resolves when a provider begins to drain.
    pub(crate) fn drains(&self) -> &Notify {
        &self.0.drains
    }

    /// Resolves when a provider has left.
    pub(crate) fn departures(&self) -> &Notify {
        &self.0.departures
    }

    /// From now on registration is closed, or open again.
    pub(crate) fn set_stopping(&self, stopping: bool) {
        self.0.stopping.store(stopping, Ordering::SeqCst);
        if stopping {
            self.0.stops.notify_waiters();
        }
    }

    /// Resolves when registration is closed.
    pub(crate) async fn stopped(&self) {
        loop {
            let stops = self.0.stops.notified();
            if self.is_stopping() {
                return;
            }
            stops.await;
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Registry<P>> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            instant: Instant::now(),
            wall: self.0.platform.wall_clock(),
        }
    }

    /// Applies changes, and notifies everyone concerned: all under one lock.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut Registry<P>, Moment) -> T) -> T {
        let mut registry = self.lock();
        let result = act(&mut registry, self.now());
        let changes = registry.table.take_changes();
        let unused = self.settle(&mut registry, &changes);
        let waste = registry.table.take_waste();
        drop(registry);
        // Without the lock: connections end here, and log lines take time.
        drop(unused);
        self.discard(waste);
        for change in &changes {
            match change {
                Change::Registered { identity, modules } => self.log().registered(identity, modules.len()),
                Change::Entered {
                    identity,
                    state,
                    cause,
                } => self.log().state(identity, *state, cause),
                Change::Released { .. } => {}
            }
        }
        result
    }

    /// Drops modules: in a task of its own, if that takes long enough to delay other tasks.
    fn discard(&self, waste: Vec<Declared>) {
        if waste.iter().map(|it| it.bytes).sum::<usize>() > BYTES_AT_ONCE {
            self.platform().spawn(drop_modules(waste));
        }
    }

    /// Applies the consequences of changes. Returns the channels that are no longer used. Spec: provider section 6,
    /// points 18 and 19.
    fn settle(&self, registry: &mut Registry<P>, changes: &[Change]) -> Vec<Channel<P>> {
        let mut unused = vec![];
        for change in changes {
            match change {
                Change::Registered { identity, modules } => {
                    self.metrics().registered();
                    events::registered(identity, modules);
                }
                Change::Entered {
                    identity,
                    state,
                    cause,
                } => {
                    events::state(identity, *state, cause);
                    if *state == State::Disconnected {
                        self.0.departures.notify_waiters();
                        if let Some(outbox) = registry.outboxes.remove(&identity.connection) {
                            outbox.end(Ok(()));
                        }
                        if !registry.table.uses(&identity.executor) {
                            unused.extend(registry.channels.remove(&identity.executor));
                        }
                    }
                }
                Change::Released { namespace } => events::released(namespace),
            }
        }
        unused
    }
}

impl<P: Platform> Clone for Manager<P> {
    fn clone(&self) -> Self {
        Manager(Arc::clone(&self.0))
    }
}

#[async_trait]
impl<P: Platform> Engine for Manager<P> {
    fn modules(&self) -> Vec<Arc<ModuleSpec>> {
        let mut modules = self.engine().modules();
        modules.extend(self.lock().table.modules().map(|it| it.spec.clone()));
        modules.sort_by(|a, b| a.name.cmp(&b.name));
        modules
    }

    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>> {
        let external = self.lock().table.module(name).map(|it| it.spec.clone());
        external.or_else(|| self.engine().module(name))
    }

    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError> {
        let name = module.spec().name.clone();
        // Locked until it is set, or a provider could register the name in between.
        let registry = self.lock();
        if registry.table.module(&name).is_some() {
            return Err(SetError::Taken { name });
        }
        self.engine().set_module(module)
    }

    fn remove_module(&self, name: &str) -> bool {
        self.engine().remove_module(name)
    }

    async fn call(&self, call: Call) -> Result<CValue, CallError> {
        let external = self.lock().table.module(&call.module).cloned();
        match external {
            Some(declared) => self.execute(&declared, call).await,
            None => self.engine().call(call).await,
        }
    }

    fn pipelines(&self) -> Option<&PipelineStore> {
        self.engine().pipelines()
    }
}

/// The namespace and the short name of a module.
fn place(qualified: &str) -> (&str, &str) {
    qualified.rsplit_once('.').unwrap_or(("", qualified))
}

/// This much later; practically never, if there is no such instant.
pub(crate) fn after(now: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(duration).unwrap_or_else(|| now + FAR)
}
