//! What the newest process of each host has made.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use squall_sim::{HostId, SimPlatform};
use tokio::sync::Notify;

/// By host, what its newest process has made as it came up.
pub(crate) struct Newest<T> {
    made: Mutex<BTreeMap<HostId, Made<T>>>,
    came_up: Notify,
}

struct Made<T> {
    incarnation: u32,
    what: T,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Newest {
            made: Mutex::default(),
            came_up: Notify::new(),
        }
    }
}

impl<T: Clone> Newest<T> {
    /// The process is up. Returns what the one before it had made.
    pub(crate) fn came_up(&self, (host, incarnation): (HostId, u32), what: T) -> Option<T> {
        let before = self.lock().insert(host, Made { incarnation, what });
        self.came_up.notify_waiters();
        before.map(|made| made.what)
    }

    /// What the newest process of a host has made, also when it is gone.
    pub(crate) fn on(&self, host: HostId) -> Option<T> {
        self.lock().get(&host).map(|made| made.what.clone())
    }

    /// Of all hosts, in their order.
    pub(crate) fn all(&self) -> Vec<(HostId, T)> {
        let made = self.lock();
        made.iter()
            .map(|(host, made)| (*host, made.what.clone()))
            .collect()
    }

    /// What this process has made; waits for it to come up.
    pub(crate) async fn of(&self, process: &SimPlatform) -> T {
        let (host, incarnation) = (process.host_id(), process.incarnation());
        self.until(|made| {
            let made = made.get(&host).filter(|made| made.incarnation == incarnation);
            made.map(|made| made.what.clone())
        })
        .await
    }

    /// Waits until so many hosts have come up for the first time.
    pub(crate) async fn all_up(&self, hosts: usize) {
        self.until(|made| (made.len() >= hosts).then_some(())).await;
    }

    async fn until<R>(&self, mut found: impl FnMut(&BTreeMap<HostId, Made<T>>) -> Option<R>) -> R {
        loop {
            // Registered at its first poll, which nothing can come before: the look at the map awaits nothing.
            let came_up = self.came_up.notified();
            if let Some(found) = found(&self.lock()) {
                return found;
            }
            came_up.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HostId, Made<T>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
