//! The locations of nodes: this module's instances, and the owners of all nodes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use indexmap::IndexMap;
use tokio::sync::oneshot;

use crate::names::{Meaning, Names};
use crate::routes::Routes;
use crate::signal::Signal;
use crate::{Component, Edge, Payload};

/// A node that runs on this module.
pub(crate) struct Instance {
    pub(crate) node: Arc<str>,
    pub(crate) component: Arc<dyn Component>,
    pub(crate) routes: Arc<Routes>,
    /// Set when the instance is destroyed: its messages end then.
    pub(crate) destroyed: Signal,
    /// The input ports that the component reports. Queried after changes, not for each message. `None`: any port is
    /// accepted.
    ports: RwLock<Option<Vec<String>>>,
    /// The last delivered settings, so that the same ones are not delivered again.
    settings: Mutex<Option<Payload>>,
}

impl Instance {
    fn new(component: Arc<dyn Component>, routes: Arc<Routes>) -> Self {
        Instance {
            node: Arc::clone(&routes.node),
            ports: RwLock::new(component.ports()),
            component,
            routes,
            destroyed: Signal::default(),
            settings: Mutex::default(),
        }
    }

    /// Whether messages to `port` can be delivered.
    pub(crate) fn has(&self, port: &str) -> bool {
        let ports = self.ports.read().unwrap_or_else(PoisonError::into_inner);
        ports
            .as_ref()
            .is_none_or(|ports| ports.iter().any(|it| it == port) || crate::SystemPort::parse(port).is_some())
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, Option<Payload>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh_ports(&self) {
        let ports = self.component.ports();
        *self.ports.write().unwrap_or_else(PoisonError::into_inner) = ports;
    }
}

/// Instances and owners, live. Spec: router S-9, S-10, S-14, S-15.
#[derive(Default)]
pub(crate) struct Directory {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables {
    instances: IndexMap<Arc<str>, Arc<Instance>>,
    owners: IndexMap<Arc<str>, Arc<str>>,
    /// The known modules, this one included.
    modules: Names,
    /// The waiters for changes of a node, in the order of their arrival.
    waiting: IndexMap<Arc<str>, Vec<oneshot::Sender<()>>>,
    /// The number of nodes with waiters at which those that have given up are removed.
    crowd: usize,
}

/// Below this number of nodes with waiters, those that have given up are not removed.
const CROWD_MIN: usize = 64;

impl Directory {
    pub(crate) fn instance(&self, node: &str) -> Option<Arc<Instance>> {
        self.read().instances.get(node).cloned()
    }

    pub(crate) fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.read().owners.get(node).cloned()
    }

    /// True when `node` is known in any way.
    pub(crate) fn knows(&self, node: &str) -> bool {
        let tables = self.read();
        tables.instances.contains_key(node) || tables.owners.contains_key(node)
    }

    /// An instance of `node` that is not in the directory yet. It takes over messages in flight on edges from the
    /// instance that it replaces.
    pub(crate) fn prepare(&self, node: Arc<str>, component: Arc<dyn Component>) -> Arc<Instance> {
        let routes = match self.instance(&node) {
            Some(old) => Arc::clone(&old.routes),
            None => Arc::new(Routes::new(node, Vec::new())),
        };
        Arc::new(Instance::new(component, routes))
    }

    /// Inserts an instance in place of the existing one, if there is one.
    pub(crate) fn install(&self, instance: Arc<Instance>, edges: Vec<Edge>, module: Arc<str>) {
        instance.routes.set(edges);
        instance.refresh_ports();
        let node = Arc::clone(&instance.node);
        self.change(&node, |tables| {
            tables.owners.insert(Arc::clone(&instance.node), module);
            tables.instances.insert(Arc::clone(&instance.node), instance);
        });
    }

    /// Removes the instance, which finishes its messages.
    pub(crate) fn uninstall(&self, node: &str) -> Option<Arc<Instance>> {
        self.change(node, |tables| tables.instances.shift_remove(node))
    }

    /// Queries the component of `node` for its ports again.
    pub(crate) fn refresh_ports(&self, node: &str) {
        if let Some(instance) = self.instance(node) {
            instance.refresh_ports();
            self.change(node, |_| {});
        }
    }

    pub(crate) fn set_owner(&self, node: Arc<str>, module: Arc<str>) {
        let key = Arc::clone(&node);
        self.change(&key, |tables| tables.owners.insert(node, module));
    }

    pub(crate) fn remove_owner(&self, node: &str) {
        self.change(node, |tables| tables.owners.shift_remove(node));
    }

    pub(crate) fn know_module(&self, module: Arc<str>) {
        self.write().modules.add(module);
    }

    pub(crate) fn forget_module(&self, module: &str) {
        self.write().modules.remove(module);
    }

    /// The known module that `name` denotes.
    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        self.read().modules.meaning(name)
    }

    /// Resolves at the next change of `node`. To miss nothing, call it before the check.
    pub(crate) fn next_change(&self, node: &str) -> oneshot::Receiver<()> {
        let (waiter, change) = oneshot::channel();
        let mut tables = self.write();
        if tables.waiting.len() >= tables.crowd.max(CROWD_MIN) {
            tables.waiting.retain(|_, waiters| {
                waiters.retain(|waiter| !waiter.is_closed());
                !waiters.is_empty()
            });
            tables.crowd = 2 * tables.waiting.len();
        }
        let waiting = tables.waiting.entry(node.into()).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(waiter);
        change
    }

    fn change<T>(&self, node: &str, change: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables = self.write();
        let result = change(&mut tables);
        let waiting = tables.waiting.shift_remove(node).unwrap_or_default();
        drop(tables);
        for waiter in waiting {
            // A waiter that has given up needs no notification.
            waiter.send(()).ok();
        }
        result
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
