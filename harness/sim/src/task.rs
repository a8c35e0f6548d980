//! Tasks of hosts: every poll and every drop happens with the task's host as the current one.
//!
//! Tasks that are started with `tokio::spawn` cannot be wrapped: see [`crate::adopted`].

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use squall_platform::TaskHandle;

use crate::adopted::{self, SPAWNING};
use crate::host::{HostId, Process};
use crate::observe::SimEvent;
use crate::world::World;

/// Futures larger than this, in bytes, are boxed at once: the runtime moves a spawned future several times, and hyper's
/// have kilobytes.
const BOXED_FROM: usize = 256;
/// The message for a panic without text.
pub(crate) const NO_MESSAGE: &str = "a panic without a message";

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

/// Runs `future` as a task of the world, on no host. If it panics, the run fails.
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
            let before = this.world.current_owner();
            this.world.set_current(this.process.owner());
            // A panic here must not prevent the rest of the cleanup.
            let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
            if let Err(panic) = dropped {
                tell_of_panic(this.world, this.process, &*panic);
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
        let before = this.world.current_owner();
        this.world.set_current(this.process.owner());
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
            tell_of_panic(this.world, this.process, &*panic);
            Poll::Ready(())
        });
        this.world.set_current(before);
        polled
    }
}

fn tell_of_panic(world: &World, process: &Process, panic: &(dyn Any + Send)) {
    if !adopted::is_end(panic) {
        let message = panic_message(panic);
        world.observe(process.host, SimEvent::Panicked { message });
    }
}

/// The message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (None, Some(message)) => message.clone(),
        (None, None) => NO_MESSAGE.to_owned(),
    }
}
