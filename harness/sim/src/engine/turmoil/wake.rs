//! Wakers for the stacks, which only record the wake.
//!
//! A stack wakes while the world is locked, and keeps the wakers of a closed socket until its connection has ended. So it
//! never gets an application's own.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use crate::segment::{Direction, FlowId};

/// The tasks that wait for a stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whom {
    Reader(FlowId, Direction),
    /// Also waits for a connection to be open.
    Writer(FlowId, Direction),
    Acceptor(u64),
}

/// The tasks to wake, in the order in which stacks woke them.
#[derive(Debug, Clone, Default)]
pub(super) struct Woken(Arc<Mutex<Vec<Whom>>>);

impl Woken {
    pub(super) fn waker(&self, whom: Whom) -> Waker {
        Waker::from(Arc::new(Note {
            whom,
            woken: self.clone(),
        }))
    }

    pub(super) fn take(&self) -> Vec<Whom> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Note {
    whom: Whom,
    woken: Woken,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.whom);
    }
}
