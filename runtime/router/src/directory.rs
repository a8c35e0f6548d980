//! Who has which node: this module's instances, and the owners of all nodes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use indexmap::IndexMap;
use tokio::sync::oneshot;

use crate::edge::Route;
use crate::{Component, Edge};

/// A node that runs on this module.
pub(crate) struct Instance {
    pub(crate) node: Arc<str>,
    pub(crate) component: Arc<dyn Component>,
    pub(crate) routes: Vec<Route>,
}

impl Instance {
    pub(crate) fn new(node: Arc<str>, component: Arc<dyn Component>, edges: Vec<Edge>) -> Self {
        let route = |edge: Edge| Route {
            from: format!("{node}.{}", edge.port).into(),
            edge,
        };
        let routes = edges.into_iter().map(route).collect();
        Instance {
            node,
            component,
            routes,
        }
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
    /// Who waits for an instance, first come first.
    waiting: IndexMap<Arc<str>, Vec<oneshot::Sender<Arc<Instance>>>>,
}

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

    pub(crate) fn install(&self, instance: Instance, module: Arc<str>) {
        let instance = Arc::new(instance);
        let mut tables = self.write();
        tables.owners.insert(Arc::clone(&instance.node), module);
        tables
            .instances
            .insert(Arc::clone(&instance.node), Arc::clone(&instance));
        for waiter in tables.waiting.shift_remove(&instance.node).unwrap_or_default() {
            // One that has given up needs nothing.
            drop(waiter.send(Arc::clone(&instance)));
        }
    }

    pub(crate) fn uninstall(&self, node: &str) -> bool {
        self.write().instances.shift_remove(node).is_some()
    }

    pub(crate) fn set_owner(&self, node: Arc<str>, module: Arc<str>) {
        self.write().owners.insert(node, module);
    }

    pub(crate) fn remove_owner(&self, node: &str) {
        self.write().owners.shift_remove(node);
    }

    /// Resolves when an instance of `node` is installed, which may be at once.
    pub(crate) fn arrival(&self, node: &str) -> oneshot::Receiver<Arc<Instance>> {
        let (waiter, arrival) = oneshot::channel();
        let mut tables = self.write();
        if let Some(instance) = tables.instances.get(node) {
            drop(waiter.send(Arc::clone(instance)));
            return arrival;
        }
        let waiting = tables.waiting.entry(node.into()).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(waiter);
        arrival
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
