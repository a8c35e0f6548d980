//! Slow hosts: each poll of a task costs virtual CPU time, and a process has one CPU.
//!
//! A task that becomes ready while the CPU is taken waits for its turn, in the order of becoming ready: so a queue grows
//! as it does on a machine that is too small. Within a poll no time passes; the kernel, whose work is the network's,
//! costs nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use crate::host::Process;
use crate::world::World;

/// Whose turn it is on the CPU of one process.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Nanoseconds of virtual time for one poll; 0: the host is not slow.
    cost: u64,
    /// When the CPU is free again.
    busy_until: u64,
    /// Tasks that are ready, by key.
    waiting: VecDeque<(usize, Waker)>,
    /// Whose turn it is, once it was woken for it.
    next: Option<usize>,
    /// Whether a timer will say that the CPU is free.
    is_timed: bool,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a poll costs from now on. Tasks that waited get their turns at once when it costs nothing.
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

    /// Whether the task may be polled now. If not, it is woken when its turn has come.
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

    /// A task has ended: its turn is the next one's.
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

/// Rings when the CPU of a process is free.
struct Bell(Arc<Process>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if self.0.is_alive() {
            self.0.turns().free();
        }
    }
}
