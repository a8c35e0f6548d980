//! Something that happens once, and that many may wait for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Not given at first. Whoever waits is woken in the order of coming, so that a simulated run repeats exactly.
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

    /// Resolves once it is given, which may have been long ago.
    pub(crate) async fn given(&self) {
        let notified = self.notify.notified();
        tokio::pin!(notified);
        // In line before the look, or a signal between the two would be missed.
        notified.as_mut().enable();
        if !self.given.load(Ordering::SeqCst) {
            notified.await;
        }
    }
}
