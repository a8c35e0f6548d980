//! Tasks that host code starts with `tokio::spawn`: which process they belong to, and how they end.
//!
//! They cannot be wrapped. tokio's task hooks set their spawner's process while they are polled, so that their events
//! and the tasks that they spawn are attributed correctly. The hooks cannot abort or suspend a task. A host that does
//! not expect such tasks reports them as strays.
//!
//! A host that adopts them ([`HostOptions::adopts`](crate::HostOptions::adopts)) ends them with their process, and
//! suspends them while it is paused, at every access to the simulator: [`poll_turn`] precedes each one. It ends a task
//! of a dead process by unwinding its poll, which tokio catches like a panic; no panic hook runs.
//!
//! tokio also catches a panic of such a task, and keeps it in the join handle, which is often dropped. So the program's
//! panic hook reports it here, with [`panicked()`]. It is published once the poll is over: code that panics may hold any
//! lock.

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
    /// Set while the simulator spawns a task of its own: the spawn hook ignores it.
    pub(crate) static SPAWNING: Cell<bool> = const { Cell::new(false) };

    /// The message of the first panic in this poll of a task of `tokio::spawn`.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// For a program's panic hook: code on this thread panics. If it is a task of `tokio::spawn` on a host of a run, the
/// run's observer gets [`SimEvent::Panicked`], once per poll, even if the task's code catches the panic. All other
/// tasks are observed without this. Does nothing on a thread that runs no simulation.
///
/// Tasks of a dead process are not reported: a real process would be gone, so their failures do not matter.
pub fn panicked(message: Option<&str>) {
    if !current::polls_spawned() {
        return;
    }
    // A panic while the thread ends is too late to be reported.
    let _ = PANIC.try_with(|first| {
        let said = first.take();
        first.set(said.or_else(|| Some(message.unwrap_or(NO_MESSAGE).to_owned())));
    });
}

/// The payload that unwinds a task of a dead process.
struct End;

/// Whether this is not a panic, but the end of a task of a dead process.
pub(crate) fn is_end(panic: &(dyn Any + Send)) -> bool {
    panic.is::<End>()
}

/// Whether the current task may use `process` now; always ready for a host that does not adopt. While the process is
/// paused the task is suspended. Once the process is dead, its own tasks do not return from here; other tasks do, and
/// get errors.
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
    // A drop during unwinding must not start another unwinding.
    if ends && !std::thread::panicking() {
        resume_unwind(Box::new(End));
    }
}

/// The second half: suspends the task.
pub(crate) fn poll_resumed(process: &Process, context: &mut Context<'_>) -> Poll<()> {
    if process.adopts && process.is_paused() && process.is_alive() {
        process.wait_for_resume(context.waker());
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// All running tasks of a run that were started with `tokio::spawn`.
#[derive(Default)]
pub(crate) struct Spawned {
    count: AtomicUsize,
    /// One of them is being polled.
    is_polled: AtomicBool,
    tasks: Mutex<HashMap<Id, Task, BuildHasherDefault<IdHasher>>>,
}

struct Task {
    owner: Owner,
    /// Its process, if its host adopts tasks.
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

/// The task that was just polled panicked.
fn tell_of_panic(world: &World, message: String) {
    let owner = world.current_owner();
    if owner.host == HostId::WORLD {
        return world.fail(message);
    }
    if world.process_of(owner).is_some_and(|process| process.is_alive()) {
        world.observe(owner.host, SimEvent::Panicked { message });
    }
}

/// Task identifiers are sequential: spreading them is enough, and std's hasher would draw a seed.
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
