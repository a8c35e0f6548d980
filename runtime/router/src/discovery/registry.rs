//! Owners and endpoints from changes that may be repeated, late, and in any order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use indexmap::IndexMap;
use squall_platform::Authority;

use super::{Discovery, Listener, Listeners};

/// The content of a resource at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The owner of a node; none once the node is deleted. Spec: router S-14, S-15.
    Owner {
        /// The node's name.
        node: Arc<str>,
        /// The module that owns it.
        module: Option<Arc<str>>,
    },
    /// The endpoints of a module; none once it is deleted or has cleared its address. Spec: router W-13.
    Endpoints {
        /// The module's name.
        module: Arc<str>,
        /// Where to connect to.
        endpoints: Vec<Authority>,
    },
}

/// A source that receives changes. Of two changes to the same resource the higher version wins, in whichever order
/// they arrive: a late, repeated or reordered change has no effect. Deletions are changes like any other. Spec:
/// router 4.3.
///
/// Versions are those of the store that the changes come from, where every write has its own, such as Kubernetes'
/// `resourceVersion`. Changes of two stores belong in two registries.
///
/// Deletions are kept until [`Registry::replace`] rules out older changes.
#[derive(Default)]
pub struct Registry {
    state: RwLock<State>,
    listeners: Listeners,
}

#[derive(Default)]
struct State {
    owners: Table<Arc<str>>,
    endpoints: Table<Vec<Authority>>,
    /// The version of the last snapshot. An older or equal change was in it, or was deleted before.
    floor: u64,
}

/// Values by resource; `None` for a deleted one.
struct Table<T>(IndexMap<Arc<str>, Versioned<T>>);

struct Versioned<T> {
    version: u64,
    value: Option<T>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Registry::default()
    }

    /// Applies one change. Returns whether any answer differs now.
    pub fn apply(&self, version: u64, fact: Fact) -> bool {
        let touched = {
            let mut state = self.write();
            if version <= state.floor {
                return false;
            }
            state.set(version, fact)
        };
        match &touched {
            Touched::Module(module) => self.listeners.tell(module),
            Touched::Node | Touched::Nothing => {}
        }
        touched != Touched::Nothing
    }

    /// Applies a snapshot of everything at `version`, each fact with the version of its own last write. Older facts
    /// that it does not contain are removed. A snapshot that is not newer than the last one has no effect.
    pub fn replace(&self, version: u64, facts: impl IntoIterator<Item = (u64, Fact)>) {
        let changed = {
            let mut state = self.write();
            if version <= state.floor {
                return;
            }
            let before = state.endpoints.values();
            state.owners.forget(version);
            state.endpoints.forget(version);
            state.floor = version;
            for (written, fact) in facts {
                state.set(written, fact);
            }
            let after = state.endpoints.values();
            let differs = |name: &Arc<str>| before.get(name) != after.get(name);
            let names = before.keys().chain(after.keys()).cloned();
            names.filter(differs).collect::<BTreeSet<_>>()
        };
        for module in changed {
            self.listeners.tell(&module);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(PartialEq, Eq)]
enum Touched {
    Nothing,
    Node,
    Module(Arc<str>),
}

impl State {
    fn set(&mut self, version: u64, fact: Fact) -> Touched {
        match fact {
            Fact::Owner { node, module } => match self.owners.set(&node, version, module) {
                true => Touched::Node,
                false => Touched::Nothing,
            },
            Fact::Endpoints { module, endpoints } => {
                let endpoints = (!endpoints.is_empty()).then_some(endpoints);
                match self.endpoints.set(&module, version, endpoints) {
                    true => Touched::Module(module),
                    false => Touched::Nothing,
                }
            }
        }
    }
}

impl<T: Clone + PartialEq> Table<T> {
    fn get(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|entry| entry.value.clone())
    }

    /// Returns whether the value differs now.
    fn set(&mut self, name: &Arc<str>, version: u64, value: Option<T>) -> bool {
        let newest = Versioned { version, value };
        match self.0.get_mut(name) {
            Some(entry) if entry.version >= version => false,
            Some(entry) => {
                let old = std::mem::replace(entry, newest);
                old.value != entry.value
            }
            None => {
                let is_there = newest.value.is_some();
                self.0.insert(Arc::clone(name), newest);
                is_there
            }
        }
    }

    /// Removes everything that is not newer than `version`.
    fn forget(&mut self, version: u64) {
        self.0.retain(|_, entry| entry.version > version);
    }

    fn values(&self) -> IndexMap<Arc<str>, T> {
        let value =
            |(name, entry): (&Arc<str>, &Versioned<T>)| Some((Arc::clone(name), entry.value.clone()?));
        self.0.iter().filter_map(value).collect()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(IndexMap::new())
    }
}

impl Discovery for Registry {
    fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.read().owners.get(node)
    }

    fn endpoints(&self, module: &str) -> Option<Vec<Authority>> {
        self.read().endpoints.get(module)
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.listeners.add(listener);
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("Registry")
            .field("owners", &state.owners.values())
            .field("endpoints", &state.endpoints.values())
            .field("floor", &state.floor)
            .finish_non_exhaustive()
    }
}
