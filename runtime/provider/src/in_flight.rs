//! Counts calls in flight, waits for their end, and tells them to stop waiting.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The calls in flight at one member, or of the whole manager.
///
/// `Notify` and not `watch`: it wakes first come, first served, so that a simulated run repeats exactly.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    idle: Notify,
    cut: AtomicBool,
    cutting: Notify,
}

impl InFlight {
    /// Counts a call until the returned value is dropped.
    pub(crate) fn enter(&self) -> Entered<'_> {
        self.count.fetch_add(1, Ordering::SeqCst);
        Entered(self)
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Resolves when nothing is in flight.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Tells all calls, including later ones, to stop waiting.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.cutting.notify_waiters();
    }

    /// Allows calls to wait again.
    pub(crate) fn resume(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Resolves when calls must stop waiting.
    pub(crate) async fn is_cut(&self) {
        loop {
            let cutting = self.cutting.notified();
            if self.cut.load(Ordering::SeqCst) {
                return;
            }
            cutting.await;
        }
    }
}

/// One call in flight.
pub(crate) struct Entered<'a>(&'a InFlight);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
