//! Attributes executions to calls.
//!
//! Messages of the router carry their call's trace. Executions of providers do not, so a manager's events are
//! attributed to the call whose future is being polled.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use squall_core::journal::Id;

thread_local! {
    static CURRENT: Cell<Option<Id>> = const { Cell::new(None) };
}

/// The call that code on this thread currently runs for.
pub(super) fn current() -> Option<Id> {
    CURRENT.get()
}

/// A future that runs for a call.
pub(super) struct OnBehalfOf<F> {
    trace: Id,
    future: Pin<Box<F>>,
}

impl<F: Future> OnBehalfOf<F> {
    pub(super) fn new(trace: Id, future: F) -> Self {
        OnBehalfOf {
            trace,
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for OnBehalfOf<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = CURRENT.replace(Some(self.trace));
        let result = self.future.as_mut().poll(context);
        CURRENT.set(before);
        result
    }
}
