//! A one-time event with many waiters.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

/// Not set at first. Waiters are woken in the order of their arrival.
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

    /// Awaits `future`, until the signal at the latest, which may be set already: `None` then.
    pub(crate) async fn cuts<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut notified = pin!(self.notify.notified());
        // Registered before the check: otherwise a signal between the two would be missed.
        notified.as_mut().enable();
        if self.given.load(Ordering::SeqCst) {
            return None;
        }
        let mut future = pin!(future);
        poll_fn(move |cx| match notified.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(cx).map(Some),
        })
        .await
    }
}
