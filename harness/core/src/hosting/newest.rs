//! State of the newest process of each host.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use squall_sim::{HostId, SimPlatform};
use tokio::sync::Notify;

/// By host, the state that its newest process created at its start.
pub struct Newest<T> {
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
    /// Records a started process. Returns the state of the previous one.
    pub fn came_up(&self, (host, incarnation): (HostId, u32), what: T) -> Option<T> {
        let before = self.lock().insert(host, Made { incarnation, what });
        self.came_up.notify_waiters();
        before.map(|made| made.what)
    }

    /// The state of a host's newest process, even after its end.
    pub fn on(&self, host: HostId) -> Option<T> {
        self.lock().get(&host).map(|made| made.what.clone())
    }

    /// The state of all hosts, in their order.
    pub fn all(&self) -> Vec<(HostId, T)> {
        let made = self.lock();
        made.iter()
            .map(|(host, made)| (*host, made.what.clone()))
            .collect()
    }

    /// The state of this process; waits until it has started.
    pub async fn of(&self, process: &SimPlatform) -> T {
        let (host, incarnation) = (process.host_id(), process.incarnation());
        self.until(|made| {
            let made = made.get(&host).filter(|made| made.incarnation == incarnation);
            made.map(|made| made.what.clone())
        })
        .await
    }

    /// Waits until `count` hosts have started for the first time.
    pub async fn all_up(&self, hosts: usize) {
        self.until(|made| (made.len() >= hosts).then_some(())).await;
    }

    async fn until<R>(&self, mut found: impl FnMut(&BTreeMap<HostId, Made<T>>) -> Option<R>) -> R {
        loop {
            // It is registered at its first poll. No notification can be lost before, for the map is checked without an
            // await.
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
