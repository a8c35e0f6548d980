//! One manager, and the connection to it. Spec: provider 3.3, 3.4.
//!
//! | subject | file |
//! |---|---|
//! | its data, and its commands | here |
//! | its state | `state` |
//! | its life: connecting, serving, waiting, reconnecting | `life` |
//! | one registration with its control plane | `link` |
//! | the wait before an attempt | `backoff` |

mod backoff;
mod life;
mod link;
mod state;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_platform::{Authority, Platform};
use tokio::sync::{Notify, oneshot};

use crate::executor::Executor;
use crate::signal::Signal;
use crate::{Config, ConnectError, events};
use state::{Event, Phase};

pub use state::State;

/// The common data of all instances of a provider.
pub(crate) struct Ground<P> {
    pub(crate) platform: P,
    pub(crate) namespace: Arc<str>,
    pub(crate) config: Config,
}

/// A snapshot of the connection to one manager.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The manager.
    pub manager: Authority,
    /// The state of the connection.
    pub state: State,
    /// Its identifier, which the manager assigns; a new one with each registration. Only while it is active or
    /// drains.
    pub connection: Option<Arc<str>>,
    /// Why it is not connected, if it should be.
    pub error: Option<ConnectError>,
}

/// The connection to one manager. A task of its own owns it: see [`Instance::live`].
pub(crate) struct Instance<P> {
    ground: Arc<Ground<P>>,
    manager: Authority,
    /// The executor that this manager calls.
    executor: Mutex<Arc<Executor>>,
    phase: Mutex<Phase>,
    changed: Notify,
    order: Mutex<Option<Order>>,
    ordered: Notify,
    leave: Signal,
    left: Signal,
}

/// A command for an instance. A later one replaces an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Connect, if it does not try to by itself.
    Connect,
    /// Register again, if it is registered.
    Renew,
}

/// The handling of a failed first attempt.
pub(crate) enum First {
    /// It is given up, and its caller is notified. Spec: provider 3.2.
    Strict(oneshot::Sender<Result<(), ConnectError>>),
    /// It is retried as after a lost connection.
    Lenient,
}

impl<P: Platform> Instance<P> {
    pub(crate) fn new(ground: Arc<Ground<P>>, manager: Authority, executor: Arc<Executor>) -> Arc<Self> {
        Arc::new(Instance {
            ground,
            manager,
            executor: Mutex::new(executor),
            phase: Mutex::new(Phase::Disconnected { error: None }),
            changed: Notify::new(),
            order: Mutex::default(),
            ordered: Notify::new(),
            leave: Signal::default(),
            left: Signal::default(),
        })
    }

    /// The main loop of the instance, until it is told to leave. To be run once, as a task.
    pub(crate) fn live(self: Arc<Self>, first: First) -> impl Future<Output = ()> + Send + 'static {
        life::live(self, first)
    }

    pub(crate) fn manager(&self) -> &Authority {
        &self.manager
    }

    pub(crate) fn status(&self) -> InstanceStatus {
        let phase = lock(&self.phase);
        InstanceStatus {
            manager: self.manager.clone(),
            state: phase.state(),
            connection: phase.connection().cloned(),
            error: phase.error().cloned(),
        }
    }

    pub(crate) fn state(&self) -> State {
        lock(&self.phase).state()
    }

    pub(crate) fn executor(&self) -> Arc<Executor> {
        Arc::clone(&lock(&self.executor))
    }

    /// Sets another executor for the manager, from the next registration on.
    pub(crate) fn assign(&self, executor: Arc<Executor>) {
        *lock(&self.executor) = executor;
    }

    /// Reconnects after a drain, or after the manager was given up; otherwise no effect.
    pub(crate) fn connect(&self) {
        self.tell(Order::Connect);
    }

    /// Registers again if it is registered: it deregisters, and registers the current modules.
    pub(crate) fn renew(&self) {
        self.tell(Order::Renew);
    }

    /// True until it has begun the last command.
    pub(crate) fn has_orders(&self) -> bool {
        lock(&self.order).is_some()
    }

    /// Leaves in order, and ends. A second call only waits. Spec: provider 3.2.
    pub(crate) async fn leave(&self) {
        self.leave.give();
        self.left.given().await;
    }

    /// Resolves when its snapshot passes a test.
    pub(crate) async fn until(&self, test: impl Fn(&InstanceStatus) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the check: otherwise a change between the two would be missed.
            changed.as_mut().enable();
            if test(&self.status()) {
                return;
            }
            changed.await;
        }
    }

    /// The only place where the phase changes.
    fn step(&self, event: Event, cause: &str) {
        let mut phase = lock(&self.phase);
        let next = phase.after(event);
        if next.state() == phase.state() {
            return;
        }
        let connection = next.connection().or(phase.connection());
        let connection = connection.map_or("", |connection| connection);
        let namespace = &self.ground.namespace;
        events::instance_state(&self.manager, namespace, connection, next.state().as_str(), cause);
        *phase = next;
        drop(phase);
        self.changed.notify_waiters();
    }

    fn tell(&self, order: Order) {
        *lock(&self.order) = Some(order);
        self.ordered.notify_one();
    }

    /// The last command, if it has not been executed yet.
    fn take_order(&self) -> Option<Order> {
        lock(&self.order).take()
    }

    async fn order(&self) -> Order {
        loop {
            if let Some(order) = self.take_order() {
                return order;
            }
            self.ordered.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
