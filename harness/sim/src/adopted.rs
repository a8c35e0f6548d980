//! Tasks that code of hosts starts with `tokio::spawn`: whose they are, and how they end.
//!
//! They cannot be wrapped. tokio's task hooks give them their spawner's process while they are polled, so that what they
//! say is attributed rightly, and what they start themselves is that process's, too. Nothing more can be done from the
//! hooks: no task can be aborted or held there. A host that does not expect such tasks has them reported, as strays.
//!
//! A host that adopts them ([`HostOptions::adopts`](crate::HostOptions::adopts)) has them end with their process, and
//! wait while it is paused, where they touch what is the simulator's: [`poll_turn`] stands before every such place. It
//! ends a task of a dead process by unwinding its poll, which tokio catches, as it does with a panic; no panic hook runs.
//!
//! A panic of such a task tokio catches, too, and keeps for who joins the task, which is often nobody. So the program's
//! panic hook says it here, with [`panicked()`], and it is told of once the poll is over: while code panics it may hold
//! any lock.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::TaskMeta;
use tokio::task::Id;

use crate::current;
use crate::engine::Owner;
use crate::host::{HostId, Process};
use crate::observe::SimEvent;
use crate::task::NO_MESSAGE;
use crate::world::World;

thread_local! {
    /// Set while we spawn a task of our own: the spawn hook leaves it alone.
    pub(crate) static SPAWNING: Cell<bool> = const { Cell::new(false) };

    /// What the first panic in this poll of a task of `tokio::spawn` said.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// For a program's panic hook: code of this thread panics. When it is a task of `tokio::spawn` on a host of a run, the
/// run's observer hears of it ([`SimEvent::Panicked`]), once for each poll, also when code of the task catches it. All
/// other tasks are heard of without this. Does nothing on a thread that runs no simulation.
///
/// A task whose process is dead is not told of: a real process would be gone, with all that its tasks find missing.
pub fn panicked(message: Option<&str>) {
    if !current::polls_spawned() {
        return;
    }
    // A panic while the thread ends comes too late to be told.
    let _ = PANIC.try_with(|first| {
        let said = first.take();
        first.set(said.or_else(|| Some(message.unwrap_or(NO_MESSAGE).to_owned())));
    });
}

/// With what a task of a dead process is unwound.
struct End;

/// Whether this is no panic, but the end of a task of a dead process.
pub(crate) fn is_end(panic: &(dyn Any + Send)) -> bool {
    panic.is::<End>()
}

/// Whether the task that is being polled may do something of `process` now; of a host that adopts, or always. While
/// the process is paused it waits for its end. A task of the process itself, once that is dead, does not return from
/// here; others do, for errors to tell them.
#[inline]
pub(crate) fn poll_turn(world: &World, process: &Process, context: &mut Context<'_>) -> Poll<()> {
    if !process.adopts {
        return Poll::Ready(());
    }
    end_if_dead(world, process);
    poll_resumed(process, context)
}

/// The first half of [`poll_turn`]: ends the task.
pub(crate) fn end_if_dead(world: &World, process: &Process) {
    let ends = process.adopts && !process.is_alive() && world.current_owner() == process.owner();
    // What is dropped by an unwinding must not begin another one.
    if ends && !std::thread::panicking() {
        resume_unwind(Box::new(End));
    }
}

/// The second half: waits.
pub(crate) fn poll_resumed(process: &Process, context: &mut Context<'_>) -> Poll<()> {
    if process.adopts && process.is_paused() && process.is_alive() {
        process.wait_for_resume(context.waker());
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// All tasks of a run that were started with `tokio::spawn` and have not ended.
#[derive(Default)]
pub(crate) struct Spawned {
    count: AtomicUsize,
    /// One of them is being polled.
    is_polled: AtomicBool,
    tasks: Mutex<HashMap<Id, Task, BuildHasherDefault<IdHasher>>>,
}

struct Task {
    owner: Owner,
    /// Whose it is, if that one adopts.
    process: Option<Arc<Process>>,
}

impl Spawned {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Task, BuildHasherDefault<IdHasher>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spawn hook.
    pub(crate) fn began(world: &World, task: &TaskMeta<'_>) {
        if SPAWNING.get() {
            return;
        }
        let owner = world.current_owner();
        let process = world.process_of(owner).filter(|process| process.adopts);
        match &process {
            Some(process) => process.adopt(),
            None => {
                let place = task.spawned_at().to_string();
                world.observe(owner.host, SimEvent::StrayTask { place });
            }
        }
        let spawned = world.spawned();
        spawned.lock().insert(task.id(), Task { owner, process });
        spawned.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The hook before each poll of any task.
    #[inline]
    pub(crate) fn before_poll(world: &World, task: &TaskMeta<'_>) {
        let spawned = world.spawned();
        if spawned.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let owner = spawned.lock().get(&task.id()).map(|task| task.owner);
        if let Some(owner) = owner {
            world.count_poll(owner.host);
            world.set_current(owner);
            spawned.is_polled.store(true, Ordering::Relaxed);
        }
    }

    /// The hook after each poll of any task.
    #[inline]
    pub(crate) fn after_poll(world: &World, _: &TaskMeta<'_>) {
        let is_polled = &world.spawned().is_polled;
        if is_polled.load(Ordering::Relaxed) {
            is_polled.store(false, Ordering::Relaxed);
            if let Some(message) = PANIC.take() {
                tell_of_panic(world, message);
            }
            world.set_current(Owner::WORLD);
        }
    }

    /// Whether one of them is being polled.
    pub(crate) fn is_polled(&self) -> bool {
        self.is_polled.load(Ordering::Relaxed)
    }

    /// The hook at the end of any task.
    #[inline]
    pub(crate) fn ended(world: &World, task: &TaskMeta<'_>) {
        let spawned = world.spawned();
        if spawned.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let ended = spawned.lock().remove(&task.id());
        if let Some(Task { process, .. }) = ended {
            spawned.count.fetch_sub(1, Ordering::Relaxed);
            if let Some(process) = process {
                process.adopted_ended();
            }
        }
    }
}

/// The task that has just been polled panicked.
fn tell_of_panic(world: &World, message: String) {
    let owner = world.current_owner();
    if owner.host == HostId::WORLD {
        return world.fail(message);
    }
    if world.process_of(owner).is_some_and(|process| process.is_alive()) {
        world.observe(owner.host, SimEvent::Panicked { message });
    }
}

/// Ids of tasks are counted up: to spread them is enough, and std's hasher would draw a seed.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
