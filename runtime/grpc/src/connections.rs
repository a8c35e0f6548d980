//! The tasks of the open connections. They end with their owner.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_platform::{OwnedTask, Platform};
use tokio::sync::Notify;

use crate::Ledger;

/// The open connections of one server, and their accounting. Dropping it cuts them.
#[derive(Default)]
pub struct Connections {
    open: Arc<Open>,
    next: u64,
    ledger: Arc<Ledger>,
}

#[derive(Default)]
struct Open {
    tasks: Mutex<BTreeMap<u64, OwnedTask>>,
    /// Notified when the last one ends.
    ended: Notify,
}

impl Connections {
    /// No connections yet. `ledger` counts their memory and their refusals.
    pub fn counted(ledger: Arc<Ledger>) -> Self {
        Connections {
            ledger,
            ..Connections::default()
        }
    }

    /// Their memory and refusals.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Drives a connection in a task of its own.
    pub fn spawn<P: Platform>(
        &mut self,
        platform: &P,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.next;
        self.next += 1;
        let open = Arc::downgrade(&self.open);
        // Locked until the task is listed, or a quick one would try to leave before it is.
        let mut tasks = self.open.lock();
        let task = platform.spawn(async move {
            connection.await;
            if let Some(open) = open.upgrade() {
                let mut tasks = open.lock();
                tasks.remove(&id);
                if tasks.is_empty() {
                    open.ended.notify_waiters();
                }
            }
        });
        tasks.insert(id, task.into());
    }

    /// True when no connection is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of open connections.
    pub fn len(&self) -> usize {
        self.open.lock().len()
    }

    /// Resolves when no connection is open.
    pub async fn ended(&self) {
        loop {
            let ended = self.open.ended.notified();
            if self.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Cuts the open connections.
    pub fn abort(&self) {
        let tasks = std::mem::take(&mut *self.open.lock());
        drop(tasks);
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, OwnedTask>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
