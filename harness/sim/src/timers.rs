//! Timers that are exact to the nanosecond of virtual time.
//!
//! tokio's timers have a granularity of one millisecond, counted from the start of the run, and fire at the next whole
//! millisecond. These are events for the driver's clock, like segments. Timers of one instant fire in the order in which
//! they were first polled, after the segments that arrive at that instant.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::adopted;
use crate::engine::Owner;
use crate::host::Process;
use crate::world::World;

/// The time of a timer, and its creation order.
type Key = (u64, u64);

/// All pending timers of a run. No waker is woken or dropped under the lock: that may run code of a task, which may have
/// timers.
#[derive(Default)]
pub(crate) struct Timers(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    armed: BTreeMap<Key, Armed>,
    next_number: u64,
}

struct Armed {
    waker: Waker,
    /// The process that waits; `None` for the world.
    process: Option<Arc<Process>>,
}

impl Armed {
    fn is_of(&self, owner: Owner) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.owner() == owner)
    }
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<u64> {
        self.lock().armed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the wakers that are due at `now`, in order. Those of dead processes are dropped.
    pub(crate) fn take_due(&self, now: u64, wakers: &mut Vec<Waker>) {
        let mut inner = self.lock();
        while let Some(first) = inner.armed.first_entry().filter(|first| first.key().0 <= now) {
            let Armed { waker, process } = first.remove();
            if process.is_none_or(|process| process.is_alive()) {
                wakers.push(waker);
            }
        }
    }

    /// Wakes all waiting tasks of a process, whenever they are due.
    pub(crate) fn wake(&self, owner: Owner) {
        let wakers: Vec<Waker> = {
            let inner = self.lock();
            let of_owner = inner.armed.values().filter(|armed| armed.is_of(owner));
            of_owner.map(|armed| armed.waker.clone()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The number of timers that a process still waits for.
    pub(crate) fn count(&self, owner: Owner) -> u64 {
        let inner = self.lock();
        let of_owner = inner.armed.values().filter(|armed| armed.is_of(owner));
        of_owner.count() as u64
    }

    /// Drops all timers.
    pub(crate) fn clear(&self) {
        let armed = std::mem::take(&mut self.lock().armed);
        drop(armed);
    }

    /// Wakes a task of the world at `at`.
    pub(crate) fn at(&self, at: u64, waker: &Waker) {
        self.arm(None, at, waker, None);
    }

    fn arm(&self, key: Option<Key>, at: u64, waker: &Waker, process: Option<&Arc<Process>>) -> Key {
        let mut inner = self.lock();
        let key = key.unwrap_or_else(|| {
            inner.next_number += 1;
            (at, inner.next_number)
        });
        let armed = Armed {
            waker: waker.clone(),
            process: process.cloned(),
        };
        let before = inner.armed.insert(key, armed);
        drop(inner);
        drop(before);
        key
    }

    fn disarm(&self, key: Key) {
        let armed = self.lock().armed.remove(&key);
        drop(armed);
    }
}

/// Waits until an instant of virtual time; dropping it cancels it.
pub(crate) struct Sleep {
    world: Arc<World>,
    process: Option<Arc<Process>>,
    at: u64,
    key: Option<Key>,
}

impl Sleep {
    /// Until `at` nanoseconds after the start of the run, for a process or the world.
    pub(crate) fn until(world: Arc<World>, process: Option<Arc<Process>>, at: u64) -> Self {
        Sleep {
            world,
            process,
            at,
            key: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Some(process) = this.process.as_ref().filter(|process| !process.is_alive()) {
            // Only tasks that were not spawned through the platform get here. They must not outlive their process.
            adopted::end_if_dead(&this.world, process);
            return Poll::Pending;
        }
        if this.world.now() >= this.at {
            return match &this.process {
                Some(process) => adopted::poll_resumed(process, context),
                None => Poll::Ready(()),
            };
        }
        let key = this
            .world
            .timers
            .arm(this.key, this.at, context.waker(), this.process.as_ref());
        this.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.world.timers.disarm(key);
        }
    }
}
