//! Carries out planned restarts by the platform's clock.

use std::future::pending;
use std::sync::{Arc, Weak};

use squall_platform::OwnedTask;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shared;
use crate::environment::Environment;
use crate::local::lock;

impl Shared {
    /// Plans have changed. The task begins with the first one, and ends with the supervisor.
    pub(super) fn drive(self: &Arc<Self>) {
        if self.is_manual {
            return;
        }
        self.changed.notify_one();
        let mut driver = lock(&self.driver);
        if driver.is_none() {
            let task = drive(
                Arc::downgrade(self),
                Arc::clone(&self.changed),
                Arc::clone(&self.environment),
            );
            *driver = Some(OwnedTask::from(self.environment.spawn(Box::pin(task))));
        }
    }

    /// When the next restart is due, if somebody is there to carry it out.
    fn next_due(&self) -> Option<Instant> {
        self.respawner()?;
        lock(&self.state).plans.next_due()
    }
}

async fn drive(shared: Weak<Shared>, changed: Arc<Notify>, environment: Arc<dyn Environment>) {
    loop {
        let next = match shared.upgrade() {
            Some(shared) => shared.next_due(),
            None => return,
        };
        let due = async {
            match next {
                Some(at) => environment.sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = changed.notified() => {}
            () = due => {
                let Some(shared) = shared.upgrade() else { return };
                shared.tick().await;
            }
        }
    }
}
