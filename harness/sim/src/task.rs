//! Tasks of hosts: every poll, and every drop, happens with the task's host as the current one.
//!
//! Tasks that a component starts with `tokio::spawn` (strays) cannot be wrapped. tokio's task hooks give
//! them their spawner's host while they are polled, so that what they say is attributed rightly; they
//! cannot be paused, nor killed with their host, and the run reports them.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use squall_platform::TaskHandle;
use tokio::runtime::TaskMeta;
use tokio::task::Id;

use crate::host::{HostId, Process};
use crate::observe::SimEvent;
use crate::world::World;

thread_local! {
    /// Set while we spawn a task of our own: the spawn hook leaves it alone.
    static SPAWNING: Cell<bool> = const { Cell::new(false) };
}

/// Futures larger than this, in bytes, are boxed at once: on its way into the runtime a future is moved
/// several times, and hyper's are of kilobytes.
const BOXED_FROM: usize = 256;

/// Runs `future` as a task of `process`.
pub(crate) fn spawn<F>(world: &Arc<World>, process: &Arc<Process>, future: F) -> TaskHandle
where
    F: Future<Output = ()> + Send + 'static,
{
    if size_of::<F>() >= BOXED_FROM {
        spawn_small(world, process, Box::pin(future))
    } else {
        spawn_small(world, process, future)
    }
}

fn spawn_small<F>(world: &Arc<World>, process: &Arc<Process>, future: F) -> TaskHandle
where
    F: Future<Output = ()> + Send + 'static,
{
    let key = process.reserve_task();
    let task = HostTask {
        future: Some(future),
        world: world.clone(),
        process: process.clone(),
        key,
        was_put_back: false,
    };
    let handle = spawn_raw(task);
    process.set_task(key, handle.clone());
    if !process.is_alive() {
        handle.abort();
    }
    TaskHandle::new(handle)
}

/// Runs `future` as a task of the world: of no host. When it panics, the run fails.
pub(crate) fn spawn_world<F>(world: &Arc<World>, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = world.clone();
    let mut future = Box::pin(future);
    spawn_raw(std::future::poll_fn(move |context| {
        world.count_poll(HostId::WORLD);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            world.fail(panic_message(&*panic));
            Poll::Ready(())
        })
    }));
}

fn spawn_raw(future: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
    SPAWNING.set(true);
    let handle = tokio::spawn(future).abort_handle();
    SPAWNING.set(false);
    handle
}

pin_project_lite::pin_project! {
    struct HostTask<F> {
        #[pin]
        future: Option<F>,
        world: Arc<World>,
        process: Arc<Process>,
        key: usize,
        was_put_back: bool,
    }

    impl<F> PinnedDrop for HostTask<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let before = this.world.current();
            this.world.set_current(this.process.host);
            // A panic here must not keep the rest of the task's end from happening.
            let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
            if let Err(panic) = dropped {
                let message = panic_message(&*panic);
                this.world.observe(this.process.host, SimEvent::Panicked { message });
            }
            this.world.set_current(before);
            this.world.mark_dirty();
            if this.process.is_slow() {
                this.process.turns().ended(this.world, this.process, *this.key);
            }
            this.process.task_ended(*this.key);
        }
    }
}

impl<F: Future<Output = ()>> Future for HostTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        this.world.count_poll(this.process.host);
        if this.process.is_paused() && this.process.is_alive() {
            this.process.wait_for_resume(context.waker());
            return Poll::Pending;
        }
        if this.process.is_slow() && this.process.is_alive() {
            let turns = this.process.turns();
            if !turns.take(this.world, this.process, *this.key, context.waker()) {
                return Poll::Pending;
            }
        }
        if !*this.was_put_back && this.world.puts_back() {
            *this.was_put_back = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        *this.was_put_back = false;
        let before = this.world.current();
        this.world.set_current(this.process.host);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let Some(future) = this.future.as_mut().as_pin_mut() else {
                return Poll::Ready(());
            };
            let polled = future.poll(context);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        }));
        let polled = polled.unwrap_or_else(|panic| {
            let message = panic_message(&*panic);
            this.world
                .observe(this.process.host, SimEvent::Panicked { message });
            Poll::Ready(())
        });
        this.world.set_current(before);
        polled
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (None, Some(message)) => message.clone(),
        (None, None) => "a panic without a message".to_owned(),
    }
}

/// Tasks that were started with `tokio::spawn`, and the hosts that started them.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    count: AtomicUsize,
    hosts: Mutex<Vec<(Id, HostId)>>,
}

impl Strays {
    fn host(&self, id: Id) -> Option<HostId> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .find(|(stray, _)| *stray == id)
            .map(|(_, host)| *host)
    }

    /// The spawn hook: whoever spawns past us starts a stray.
    pub(crate) fn spawned(world: &World, task: &TaskMeta<'_>) {
        if SPAWNING.get() {
            return;
        }
        let host = world.current();
        let strays = world.strays();
        strays
            .hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((task.id(), host));
        strays.count.fetch_add(1, Ordering::Relaxed);
        let place = task.spawned_at().to_string();
        world.observe(host, SimEvent::StrayTask { place });
    }

    /// The hook before each poll of any task.
    #[inline]
    pub(crate) fn before_poll(world: &World, task: &TaskMeta<'_>) {
        if let Some(host) = world.strays().host(task.id()) {
            world.count_poll(host);
            world.set_current(host);
        }
    }

    /// The hook after each poll of any task.
    #[inline]
    pub(crate) fn after_poll(world: &World, task: &TaskMeta<'_>) {
        if world.strays().host(task.id()).is_some() {
            world.set_current(HostId::WORLD);
        }
    }

    /// The hook at the end of any task.
    #[inline]
    pub(crate) fn ended(world: &World, task: &TaskMeta<'_>) {
        let (strays, id) = (world.strays(), task.id());
        if strays.host(id).is_some() {
            strays
                .hosts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|(stray, _)| *stray != id);
            strays.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
