//! One manager, and the connection to it. Spec: provider 3.3, 3.4.
//!
//! | subject | file |
//! |---|---|
//! | what is known of it, and what it can be told | here |
//! | where it is | `state` |
//! | its life: connecting, attending, waiting, again | `life` |
//! | one registration with its control plane | `link` |
//! | how long an attempt waits | `backoff` |

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

/// What all instances of a provider have in common.
pub(crate) struct Ground<P> {
    pub(crate) platform: P,
    pub(crate) namespace: Arc<str>,
    pub(crate) config: Config,
}

/// What is known of the connection to one manager.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The manager.
    pub manager: Authority,
    /// Where the connection is.
    pub state: State,
    /// Its identifier, which the manager gives; a new one with each registration. Only while it is active or drains.
    pub connection: Option<Arc<str>>,
    /// Why it is not connected, when it should be.
    pub error: Option<ConnectError>,
}

/// The connection to one manager. Its life is a task of its own, which owns it: see [`Instance::live`].
pub(crate) struct Instance<P> {
    ground: Arc<Ground<P>>,
    manager: Authority,
    /// Where this manager calls.
    executor: Mutex<Arc<Executor>>,
    phase: Mutex<Phase>,
    changed: Notify,
    order: Mutex<Option<Order>>,
    ordered: Notify,
    leave: Signal,
    left: Signal,
}

/// What an instance is told to do. The later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Connect, when it does not try to by itself.
    Connect,
    /// Register anew, when it is registered.
    Renew,
}

/// What becomes of an instance whose first attempt fails.
pub(crate) enum First {
    /// It is given up, and whoever started it is told. Spec: provider 3.2.
    Strict(oneshot::Sender<Result<(), ConnectError>>),
    /// It is tried again as after a break.
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

    /// All that the instance does, until it is told to leave. To be run once, as a task.
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

    /// Lets the manager call elsewhere, from the next registration on.
    pub(crate) fn assign(&self, executor: Arc<Executor>) {
        *lock(&self.executor) = executor;
    }

    /// Connects again after a drain, or after it was given up; nothing else.
    pub(crate) fn connect(&self) {
        self.tell(Order::Connect);
    }

    /// Registers anew when it is registered: it leaves, and comes back with what is to be registered now.
    pub(crate) fn renew(&self) {
        self.tell(Order::Renew);
    }

    /// True until it has begun to do what it was told last.
    pub(crate) fn has_orders(&self) -> bool {
        lock(&self.order).is_some()
    }

    /// Leaves in order, and ends. Once more is no more than to wait. Spec: provider 3.2.
    pub(crate) async fn leave(&self) {
        self.leave.give();
        self.left.given().await;
    }

    /// Resolves when what is known of it passes a test.
    pub(crate) async fn until(&self, test: impl Fn(&InstanceStatus) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // In line before the look, or a change between the two would be missed.
            changed.as_mut().enable();
            if test(&self.status()) {
                return;
            }
            changed.await;
        }
    }

    /// The one way from phase to phase.
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

    /// What it was told last and has not done yet, if anything.
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
