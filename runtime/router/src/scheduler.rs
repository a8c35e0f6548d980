//! Local or remote: the function that handles every message.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use indexmap::IndexMap;
use squall_platform::{Authority, Platform};
use tokio::time::{Instant, timeout_at};

use crate::directory::Directory;
use crate::discovery::{Discovery, Listener, Sources};
use crate::duplicates::Duplicates;
use crate::hop::{self, Trail};
use crate::message::after;
use crate::metrics::Metrics;
use crate::names::Meaning;
use crate::pool::{Peer, Pool};
use crate::system::Client;
use crate::wire::Raised;
use crate::{Destination, Error, Message, Options, Payload, RetryPolicy, keys, metrics, trace};

/// Routes messages of one module. Clones are handles to the same one.
pub struct Scheduler<P: Platform>(Arc<Shared<P>>);

pub(crate) struct Shared<P: Platform> {
    pub(crate) platform: P,
    pub(crate) module: Arc<str>,
    pub(crate) options: Options,
    pub(crate) directory: Directory,
    pub(crate) pool: Pool<P>,
    pub(crate) duplicates: Duplicates,
    pub(crate) metrics: Arc<Metrics>,
    discovery: Sources,
    /// The time limits of calls to some modules.
    timeouts: RwLock<IndexMap<Arc<str>, Duration>>,
    client: RwLock<Option<Client>>,
}

/// The location of a node.
enum Owner {
    Here,
    Other(Arc<str>),
    Nobody,
}

/// The deadlines of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The limit of the message itself.
    pub(crate) own: Option<Instant>,
    /// The deadline of the parent call, which is enforced elsewhere.
    pub(crate) inherited: Option<Instant>,
}

impl Limits {
    fn of(message: &Message) -> Self {
        Limits {
            own: message.timeout.map(|timeout| after(Instant::now(), timeout)),
            inherited: message.context.deadline,
        }
    }

    /// The earlier of both. Spec: router H-13.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match (self.own, self.inherited) {
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
        }
    }

    /// The same, but at most `limit`.
    fn within(self, limit: Option<Instant>) -> Self {
        let own = match (self.own, limit) {
            (Some(own), Some(limit)) => Some(own.min(limit)),
            (own, limit) => own.or(limit),
        };
        Limits { own, ..self }
    }
}

impl<P: Platform> Shared<P> {
    pub(crate) fn set_discovery(self: &Arc<Self>, discovery: Arc<dyn Discovery>) {
        let listener: Arc<dyn Listener> = Arc::clone(self) as _;
        discovery.listen(Arc::downgrade(&listener));
        self.discovery.set(discovery, &self.pool);
    }

    pub(crate) fn register(&self, module: Arc<str>, endpoints: Vec<Authority>) {
        self.directory.know_module(Arc::clone(&module));
        self.discovery.register(module, endpoints, &self.pool);
    }

    pub(crate) fn deregister(&self, module: &str) {
        self.directory.forget_module(module);
        self.discovery.deregister(module, &self.pool);
    }

    pub(crate) fn set_timeout(&self, module: Arc<str>, timeout: Option<Duration>) {
        let mut timeouts = self.timeouts.write().unwrap_or_else(PoisonError::into_inner);
        match timeout {
            Some(timeout) => timeouts.insert(module, timeout),
            None => timeouts.shift_remove(&module),
        };
    }

    /// The time limit of a call to `module` whose message has none.
    pub(crate) fn call_timeout(&self, module: &str) -> Duration {
        let timeouts = self.timeouts.read().unwrap_or_else(PoisonError::into_inner);
        timeouts.get(module).copied().unwrap_or(self.options.call_timeout)
    }

    pub(crate) fn set_client(&self, client: Option<Client>) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    pub(crate) fn client(&self) -> Option<Client> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The known owner of `node`. Its name may be spelt differently from the module's own. Spec: router 6.2, W-12.
    fn owner(&self, node: &str) -> Result<Owner, Error> {
        let owner = self.directory.owner(node).or_else(|| self.discovery.owner(node));
        let Some(owner) = owner else {
            return Ok(Owner::Nobody);
        };
        if owner == self.module {
            return Ok(Owner::Here);
        }
        if self.peer(&owner).is_some() {
            return Ok(Owner::Other(owner));
        }
        match self.directory.meaning(&owner) {
            Meaning::None => Ok(Owner::Other(owner)),
            Meaning::One(module) if module == self.module => Ok(Owner::Here),
            Meaning::One(module) => Ok(Owner::Other(module)),
            Meaning::Several(candidates) => Err(Error::AmbiguousModule {
                name: owner,
                candidates,
            }),
        }
    }

    /// True when `node` is known in any way.
    fn knows(&self, node: &str) -> bool {
        self.directory.knows(node) || self.discovery.owner(node).is_some()
    }

    /// The peer called `module`, if it is known.
    pub(crate) fn peer(&self, module: &Arc<str>) -> Option<Arc<Peer<P>>> {
        if let Some(peer) = self.pool.get(module) {
            return Some(peer);
        }
        let peer = self.discovery.peer(module, &self.pool)?;
        self.directory.know_module(Arc::clone(module));
        Some(peer)
    }

    /// Whether the endpoints of `module` have changed since `peer` was looked up, and it has some now.
    pub(crate) fn has_moved(&self, module: &str, peer: &Arc<Peer<P>>) -> bool {
        let now = self.pool.get(module);
        now.is_some_and(|now| !Arc::ptr_eq(&now, peer))
    }
}

impl<P: Platform> Listener for Shared<P> {
    fn changed(&self, module: &str) {
        self.discovery.changed(module, &self.pool);
    }
}

impl<P: Platform> Scheduler<P> {
    pub(crate) fn new(platform: P, module: Arc<str>, options: Options) -> Self {
        let metrics = Arc::new(Metrics::new(&module, &options.latency_buckets));
        let pool = Pool::new(platform.clone(), options.clone(), Arc::clone(&metrics));
        let directory = Directory::default();
        directory.know_module(Arc::clone(&module));
        Scheduler(Arc::new(Shared {
            platform,
            module,
            duplicates: Duplicates::new(options.duplicate_window, options.duplicates_max),
            metrics,
            options,
            directory,
            pool,
            discovery: Sources::new(),
            timeouts: RwLock::default(),
            client: RwLock::default(),
        }))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<P>> {
        &self.0
    }

    /// Handles one message and waits for its answer. Spec: router S-7 to S-12, S-28.
    ///
    /// A node with an instance here is served here; otherwise its owner is called. Dropping the future cancels the
    /// call, wherever it is executed.
    ///
    /// # Errors
    /// Every [`Error`]. [`Error::outcome`] says whether the message may nevertheless have been handled.
    pub async fn handle(&self, mut message: Message) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let to = Arc::clone(&message.to);
        let destination = self.admit(&mut message, &to)?;
        let limits = Limits::of(&message);
        // As with the requests of `serve`.
        let policy = message.retry.take().or_else(|| shared.options.retry.clone());
        match policy.filter(|_| !message.context.remote) {
            Some(policy) => Box::pin(self.persist(&policy, destination, message, limits)).await,
            None => {
                self.attempt(destination, message, limits, &mut Trail::default())
                    .await
            }
        }
    }

    /// Validates a message before it is routed.
    fn admit<'a>(&self, message: &mut Message, to: &'a Arc<str>) -> Result<Destination<'a>, Error> {
        let shared = self.shared();
        if message.context.depth > shared.options.max_depth {
            return Err(Error::DepthExceeded {
                limit: shared.options.max_depth,
            });
        }
        if message.context.trace == 0 {
            message.context.trace = trace::new_trace(&shared.platform);
        }
        self.destination(to)
    }

    /// Handles a message from the wire. Only its sender retries it.
    pub(crate) async fn serve(&self, mut message: Message) -> Result<Option<Payload>, Raised> {
        let to = Arc::clone(&message.to);
        let destination = self.admit(&mut message, &to).map_err(Raised::unhandled)?;
        let (limits, mut trail) = (Limits::of(&message), Trail::default());
        let answer = self.attempt(destination, message, limits, &mut trail).await;
        // The error does not tell whether a component has begun: a component may pass on an error unchanged.
        answer.map_err(|error| match trail.handled() {
            true => Raised::from(error),
            false => Raised::unhandled(error),
        })
    }

    /// This module's counters: as [`Module::metrics`](crate::Module::metrics).
    pub fn metrics(&self) -> String {
        metrics::of([(self, "")].into_iter())
    }

    pub(crate) fn destination<'a>(&self, to: &'a Arc<str>) -> Result<Destination<'a>, Error> {
        Destination::parse_as(to, self.0.options.destinations).map_err(|error| match error {
            Error::InvalidDestination { .. } if self.0.knows(to) => missing_port(to),
            error => error,
        })
    }

    /// Sends the message, with retries as `policy` says. Spec: router 3.6.
    async fn persist(
        &self,
        policy: &RetryPolicy,
        destination: Destination<'_>,
        mut message: Message,
        limits: Limits,
    ) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let limits = self.limits_of_all(destination.node, limits);
        if policy.idempotent && message.context.key.is_none() {
            message.context.key = Some(keys::fresh(&shared.platform));
        }
        let keyed = message.context.key.is_some();
        let mut trail = Trail::default();
        loop {
            let attempt_ends = policy.attempt_timeout.map(|it| after(Instant::now(), it));
            trail.begin();
            let attempt = self.attempt(
                destination,
                message.clone(),
                limits.within(attempt_ends),
                &mut trail,
            );
            let error = match attempt.await {
                Err(error) if policy.allows(&error, &trail, keyed) => error,
                answer => return answer,
            };
            message.context.retries += 1;
            let delay = policy.jittered(message.context.retries, || shared.platform.random_u64());
            let next = after(Instant::now(), delay);
            let too_late = limits.deadline().is_some_and(|deadline| next >= deadline);
            if message.context.retries >= policy.max_attempts || too_late {
                return Err(error.exhausted());
            }
            shared.platform.sleep(delay).await;
            shared.metrics.retried();
        }
    }

    /// The limits of all attempts together: calls to another module have one even if the message has none.
    fn limits_of_all(&self, node: &str, limits: Limits) -> Limits {
        let shared = self.shared();
        if limits.own.is_some() || shared.directory.instance(node).is_some() {
            return limits;
        }
        match shared.owner(node) {
            Ok(Owner::Other(module)) => {
                limits.within(Some(after(Instant::now(), shared.call_timeout(&module))))
            }
            _ => limits,
        }
    }

    /// Delivers the message here, or sends it to its owner. If an instance or a port of it is expected here, waits
    /// for a bounded time; changes in the meantime count. Spec: router H-9, 3.4, W-6.
    async fn attempt(
        &self,
        Destination { node, port }: Destination<'_>,
        message: Message,
        limits: Limits,
        trail: &mut Trail,
    ) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let mut change = None;
        let mut patience = None;
        let mut was_here = false;
        loop {
            let missing = match shared.directory.instance(node) {
                Some(instance) if instance.has(port) => {
                    trail.handle();
                    return self.deliver(&instance, port, message, limits).await;
                }
                Some(_) => {
                    was_here = true;
                    Error::PortNotReady {
                        port: port.into(),
                        node: node.into(),
                    }
                }
                // Messages from the wire are never forwarded.
                None => match if message.context.remote {
                    Owner::Here
                } else {
                    shared.owner(node)?
                } {
                    Owner::Other(module) => {
                        // Boxed, because it is large, and most futures of this function deliver here.
                        let hop = hop::send(shared, Some(module), node, message, limits, trail);
                        return Box::pin(hop).await;
                    }
                    Owner::Nobody if shared.knows(&message.to) => return Err(missing_port(&message.to)),
                    Owner::Nobody => {
                        return Box::pin(hop::send(shared, None, node, message, limits, trail)).await;
                    }
                    Owner::Here if was_here => return Err(Error::InstanceGone { node: node.into() }),
                    Owner::Here => Error::NoInstance { node: node.into() },
                },
            };
            let until = *patience.get_or_insert_with(|| self.patience(limits));
            match (until, change.take()) {
                (None, _) => return Err(missing),
                // Registered before the second check: otherwise a change between the two would be missed.
                (Some(_), None) => change = Some(shared.directory.next_change(node)),
                (Some(until), Some(change)) => {
                    if timeout_at(until, change).await.is_err() {
                        return Err(missing);
                    }
                }
            }
        }
    }

    /// Until when to wait for an expected instance or port: at most a quarter of the call's remaining time, so that
    /// its caller gets the reason and not just a timeout. `None`: not at all.
    fn patience(&self, limits: Limits) -> Option<Instant> {
        let wait = self.shared().options.instance_wait;
        let now = Instant::now();
        let wait = match limits.deadline() {
            _ if wait.is_zero() => return None,
            Some(deadline) => wait.min(deadline.saturating_duration_since(now) / 4),
            None => wait,
        };
        Some(after(now, wait))
    }
}

fn missing_port(to: &str) -> Error {
    Error::invalid(to, "this is a node without a port: write node.port")
}

impl<P: Platform> Clone for Scheduler<P> {
    fn clone(&self) -> Self {
        Scheduler(Arc::clone(&self.0))
    }
}

impl<P: Platform> std::fmt::Debug for Scheduler<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler")
            .field("module", &self.0.module)
            .finish_non_exhaustive()
    }
}
