//! The phase of a server's shutdown, and the number of in-flight requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::{Error, Outcome};

/// How a server treats requests. The phase only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    Serving,
    /// Peers are asked to leave. Requests that they sent before they received this are served.
    GoingAway,
    /// In-flight requests are dropped, and new ones are refused.
    Cancelling,
}

/// `Notify` and not `watch`: it wakes first come, first served, so that a simulated shutdown repeats exactly.
pub(super) struct Lifecycle {
    /// False for a server that ends only by being dropped: its requests need not watch for the end.
    drainable: bool,
    phase: AtomicU8,
    entered: Notify,
    in_flight: AtomicUsize,
    /// Notified when no request is in flight any more, from `GoingAway` on.
    idle: Notify,
}

impl Lifecycle {
    pub(super) fn endless() -> Self {
        Lifecycle {
            drainable: false,
            phase: AtomicU8::new(Phase::Serving as u8),
            entered: Notify::new(),
            in_flight: AtomicUsize::new(0),
            idle: Notify::new(),
        }
    }

    pub(super) fn drainable() -> Self {
        Lifecycle {
            drainable: true,
            ..Lifecycle::endless()
        }
    }

    pub(super) fn is_drainable(&self) -> bool {
        self.drainable
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
        self.entered.notify_waiters();
    }

    fn has_entered(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) >= phase as u8
    }

    /// Resolves once `phase`, or a later one, is entered: never for an endless server.
    pub(super) async fn entered(&self, phase: Phase) {
        if !self.drainable {
            return std::future::pending().await;
        }
        loop {
            let entered = self.entered.notified();
            if self.has_entered(phase) {
                return;
            }
            entered.await;
        }
    }

    /// Resolves when no request is in flight.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Admits a request of another module, or returns the reason against it. Never waits. Spec: router 5.2.
    ///
    /// # Errors
    /// [`Error::Shutdown`], [`Error::Overload`].
    pub(super) fn admit(&self, module: &Arc<str>, limit: Option<usize>) -> Result<Admitted<'_>, Error> {
        // Counted before the phase is read: either the shutdown sees the request, or the request sees the shutdown.
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        let admitted = Admitted(self);
        if self.has_entered(Phase::Cancelling) {
            return Err(Error::Shutdown {
                module: Arc::clone(module),
                outcome: Outcome::Failed,
            });
        }
        match limit {
            Some(limit) if before >= limit => Err(Error::Overload {
                module: Arc::clone(module),
                limit,
            }),
            _ => Ok(admitted),
        }
    }
}

/// An in-flight request, counted until it is dropped.
pub(super) struct Admitted<'a>(&'a Lifecycle);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.has_entered(Phase::GoingAway) {
            self.0.idle.notify_waiters();
        }
    }
}
