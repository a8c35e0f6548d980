//! Combines a module's configuration with its discovery source, and keeps the pool in step with both.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use squall_platform::{Authority, Platform};

use super::{Discovery, Nothing};
use crate::pool::{Peer, Pool};

/// Keeps a pool in step with a source. Explicitly configured modules are not changed.
pub(crate) struct Sources {
    source: RwLock<Arc<dyn Discovery>>,
    /// The modules that the pool knows from the source. Locked from the source's answer until the pool has it: of two
    /// changes, the later query registers last.
    discovered: Mutex<BTreeSet<Arc<str>>>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Sources {
            source: RwLock::new(Arc::new(Nothing)),
            discovered: Mutex::default(),
        }
    }

    pub(crate) fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.source().owner(node)
    }

    /// The peer called `module`; the source is queried if the pool does not know it.
    pub(crate) fn peer<P: Platform>(&self, module: &Arc<str>, pool: &Pool<P>) -> Option<Arc<Peer<P>>> {
        pool.get(module).or_else(|| {
            let mut discovered = self.discovered();
            // Another call may have queried or registered it meanwhile.
            if pool.get(module).is_none() {
                pool.register(Arc::clone(module), self.endpoints(module)?);
                discovered.insert(Arc::clone(module));
            }
            pool.get(module)
        })
    }

    /// From now on `source` is queried, also for modules that an earlier source had answered.
    pub(crate) fn set<P: Platform>(&self, source: Arc<dyn Discovery>, pool: &Pool<P>) {
        *self.source.write().unwrap_or_else(PoisonError::into_inner) = source;
        let known: Vec<_> = self.discovered().iter().cloned().collect();
        for module in known {
            self.changed(&module, pool);
        }
    }

    /// The endpoints of `module` were configured explicitly.
    pub(crate) fn register<P: Platform>(&self, module: Arc<str>, endpoints: Vec<Authority>, pool: &Pool<P>) {
        let mut discovered = self.discovered();
        discovered.remove(&module);
        pool.register(module, endpoints);
    }

    pub(crate) fn deregister<P: Platform>(&self, module: &str, pool: &Pool<P>) {
        let mut discovered = self.discovered();
        discovered.remove(module);
        pool.deregister(module);
    }

    /// The source may have a new answer for `module`. A module without calls so far is left to its first call.
    pub(crate) fn changed<P: Platform>(&self, module: &str, pool: &Pool<P>) {
        let mut discovered = self.discovered();
        let Some(known) = discovered.get(module).cloned() else {
            return;
        };
        match self.endpoints(module) {
            Some(endpoints) => pool.register(known, endpoints),
            None => {
                discovered.remove(module);
                pool.deregister(module);
            }
        }
    }

    fn endpoints(&self, module: &str) -> Option<Vec<Authority>> {
        let endpoints = self.source().endpoints(module)?;
        (!endpoints.is_empty()).then_some(endpoints)
    }

    fn source(&self) -> Arc<dyn Discovery> {
        Arc::clone(&self.source.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn discovered(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.discovered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
