//! One namespace and its owner: a provider alone, or a group. Spec: provider 2.6, 2.10.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Declared;
use crate::pool::ExecutorPool;

/// A namespace exists while it has members. All of them are of the same group; without a group there is only one.
pub(crate) struct Namespace {
    pub(crate) name: Arc<str>,
    pub(crate) group: Option<Arc<str>>,
    /// By short name. Each of them has a member that declared it.
    pub(crate) modules: BTreeMap<Arc<str>, Declared>,
    /// The members that take calls, without draining ones.
    pub(crate) pool: ExecutorPool,
    /// All members, by the order of their registration.
    pub(crate) members: BTreeSet<u64>,
    /// Its share of the size of all registrations.
    pub(super) bytes: usize,
}

impl Namespace {
    pub(super) fn new(name: Arc<str>, group: Option<Arc<str>>, bytes: usize) -> Self {
        Namespace {
            name,
            group,
            modules: BTreeMap::new(),
            pool: ExecutorPool::new(),
            members: BTreeSet::new(),
            bytes,
        }
    }
}
