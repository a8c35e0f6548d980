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
    pub(crate) fn new_given() -> Self {
        let signal = Signal::default();
        signal.give();
        signal
    }

    pub(crate) fn give(&self) {
        self.given.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::SeqCst)
    }

    /// Resolves once it is set, which may have been long ago.
    pub(crate) async fn given(&self) {
        let notified = self.notify.notified();
        tokio::pin!(notified);
        // Registered before the check: otherwise a signal between the two would be missed.
        notified.as_mut().enable();
        if !self.is_given() {
            notified.await;
        }
    }
}
