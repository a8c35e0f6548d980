//! Slow hosts: each poll of a task costs virtual CPU time, and a process has one CPU.
//!
//! A task that becomes ready while the CPU is busy waits for its turn, in order of readiness. So a queue grows as on an
//! overloaded machine. No time passes within a poll, and the kernel's work, which is the network's, costs nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crate::host::Process;
use crate::world::World;

/// The CPU schedule of one process.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Nanoseconds of virtual time per poll; 0: the host is not slow.
    cost: u64,
    /// When the CPU becomes free.
    busy_until: u64,
    /// Ready tasks, by key.
    waiting: VecDeque<(usize, Waker)>,
    /// The task that was woken for its turn.
    next: Option<usize>,
    /// Whether a timer for the end of the CPU's work is running.
    is_timed: bool,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the cost of a poll. At zero, waiting tasks get their turns at once.
    pub(crate) fn set_cost(&self, cost: u64) {
        let waiting = {
            let mut inner = self.lock();
            inner.cost = cost;
            if cost > 0 {
                return;
            }
            inner.next = None;
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether the task may be polled now. If not, it is woken at its turn.
    pub(crate) fn take(&self, world: &Arc<World>, process: &Arc<Process>, key: usize, waker: &Waker) -> bool {
        let now = world.now();
        let mut inner = self.lock();
        if inner.cost == 0 {
            return true;
        }
        let is_free = now >= inner.busy_until && inner.next.is_none() && inner.waiting.is_empty();
        if inner.next == Some(key) || is_free {
            inner.next = None;
            inner.busy_until = now + inner.cost;
        } else {
            if !inner.waiting.iter().any(|(other, _)| *other == key) {
                inner.waiting.push_back((key, waker.clone()));
                inner.set_timer(world, process);
            }
            return false;
        }
        if !inner.waiting.is_empty() {
            inner.set_timer(world, process);
        }
        true
    }

    /// A task has ended: its turn passes to the next one.
    pub(crate) fn ended(&self, world: &Arc<World>, process: &Arc<Process>, key: usize) {
        let mut inner = self.lock();
        if inner.cost == 0 {
            return;
        }
        let waiting = inner.waiting.len();
        let place = inner.waiting.iter().position(|(other, _)| *other == key);
        let gone = place.and_then(|place| inner.waiting.remove(place));
        if inner.next == Some(key) {
            inner.next = None;
            if waiting > 0 {
                inner.set_timer(world, process);
            }
        }
        drop(inner);
        drop(gone);
    }

    /// The process has died.
    pub(crate) fn clear(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        drop(waiting);
    }

    fn free(&self) {
        let waker = {
            let mut inner = self.lock();
            inner.is_timed = false;
            let Some((key, waker)) = inner.waiting.pop_front() else {
                return;
            };
            inner.next = Some(key);
            waker
        };
        waker.wake();
    }
}

impl Inner {
    fn set_timer(&mut self, world: &Arc<World>, process: &Arc<Process>) {
        if self.is_timed || self.next.is_some() {
            return;
        }
        self.is_timed = true;
        let bell = Waker::from(Arc::new(Bell(process.clone())));
        world.timers.at(self.busy_until.max(world.now()), &bell);
    }
}

/// Fires when the CPU of a process becomes free.
struct Bell(Arc<Process>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if self.0.is_alive() {
            self.0.turns().free();
        }
    }
}
