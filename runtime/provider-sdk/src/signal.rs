//! A one-time event with many waiters.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Not set at first. Waiters are woken in the order of their arrival, so that a simulated run repeats exactly.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    given: AtomicBool,
    notify: Notify,
}

impl Signal {
    pub(crate) fn give(&self) {
        self.given.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Resolves once it is set, which may have been long ago.
    pub(crate) async fn given(&self) {
        let notified = self.notify.notified();
        tokio::pin!(notified);
        // Registered before the check: otherwise a signal between the two would be missed.
        notified.as_mut().enable();
        if !self.given.load(Ordering::SeqCst) {
            notified.await;
        }
    }
}
