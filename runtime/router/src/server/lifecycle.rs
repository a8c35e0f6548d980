//! How far a server's shutdown has come, and how many requests are in the works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::{Error, Outcome};

/// What a server does with requests. Only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    Serving,
    /// Peers are asked to leave. What they have sent before they heard is served.
    GoingAway,
    /// What is in the works is dropped, and what still comes is refused.
    Cancelling,
}

/// `Notify` and not `watch`: it wakes first come, first served, so that a simulated shutdown repeats exactly.
pub(super) struct Lifecycle {
    /// False for a server that ends only by being dropped: its requests need not listen for the end.
    drainable: bool,
    phase: AtomicU8,
    entered: Notify,
    in_flight: AtomicUsize,
    /// Told when nothing is in the works any more, from `GoingAway` on.
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

    /// Resolves once `phase`, or one behind it, is entered: never for an endless server.
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

    /// Resolves when nothing is in the works.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Lets a request of another module in, or says why not. Nothing ever waits here. Spec: router 5.2.
    ///
    /// # Errors
    /// [`Error::Shutdown`], [`Error::Overload`].
    pub(super) fn admit(&self, module: &Arc<str>, limit: Option<usize>) -> Result<Admitted<'_>, Error> {
        // Counted before the phase is looked at: a shutdown sees the request, or the request the shutdown.
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

/// A request in the works, counted until it is dropped.
pub(super) struct Admitted<'a>(&'a Lifecycle);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.has_entered(Phase::GoingAway) {
            self.0.idle.notify_waiters();
        }
    }
}
