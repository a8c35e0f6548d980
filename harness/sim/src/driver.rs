//! The driver: one task that moves bytes and the clock, in this order:
//!
//! 1. *At this instant*, until there is nothing to do: deliver the segments and fire the exact timers that are due; run
//!    the hosts until all of their tasks are pending; pass what they wrote to the network.
//! 2. *Move the clock*: exactly to the next event (a segment, or an exact timer, see [`crate::timers`]) if it is before
//!    the next millisecond boundary; else to that boundary, if the clock is between two; else let the runtime jump to
//!    the event's millisecond, or to an earlier timer of its own.
//!
//! "All pending" is the runtime's park callback. It wakes the driver while the world is dirty, and a woken runtime does
//! not move a paused clock. tokio's timers have a granularity of one millisecond, and it jumps by whole milliseconds
//! from the current time: without the return to the boundary every later segment would be late by the offset.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{advance, sleep_until};

use crate::run::Failure;
use crate::world::World;

const MILLISECOND: u64 = 1_000_000;
/// A century, in nanoseconds: the limit for budgets.
const FOR_EVER: u64 = 100 * 365 * 86_400 * 1_000 * MILLISECOND;

/// Drives the world until `is_done`, or until the `budget` is exhausted.
pub(crate) async fn drive(
    world: &World,
    budget: Duration,
    is_done: impl Fn() -> bool,
) -> Result<(), Failure> {
    let start = world.start_instant();
    let out_of_time = Failure::OutOfTime { budget };
    // In whole milliseconds, as timers are: a sleep until then must not end early.
    let budget = u64::try_from(budget.as_nanos()).map_or(FOR_EVER, |nanos| nanos.min(FOR_EVER));
    let budget = budget.div_ceil(MILLISECOND) * MILLISECOND;
    let mut buffer = Vec::new();
    loop {
        loop {
            world.do_due();
            if !world.is_dirty() {
                break;
            }
            hosts_idle(world).await;
            if let Some(host) = world.stuck() {
                return Err(Failure::Stuck {
                    host: world.host_name(host).to_string(),
                    at: Duration::from_nanos(world.now()),
                });
            }
            if let Some(message) = world.panic() {
                return Err(Failure::Panicked(message.clone()));
            }
            world.clear_dirty();
            world.drain(&mut buffer);
        }
        if is_done() {
            return Ok(());
        }
        let now = world.now();
        if now >= budget {
            return Err(out_of_time);
        }
        let boundary = (now / MILLISECOND + 1) * MILLISECOND;
        let next = world.next();
        match next {
            Some(at) if at < boundary => move_to(world, at).await,
            _ if !now.is_multiple_of(MILLISECOND) => {
                move_to(world, boundary).await;
                // Timers may fire here.
                world.mark_dirty();
            }
            next => {
                let until = next.unwrap_or(budget).min(budget);
                let until = Duration::from_nanos(until / MILLISECOND * MILLISECOND);
                let mut sleep = pin!(sleep_until(start + until));
                poll_fn(|context| {
                    register(world, context);
                    if world.is_dirty() || world.stuck().is_some() {
                        return Poll::Ready(());
                    }
                    sleep.as_mut().poll(context)
                })
                .await;
                world.follow_clock();
                // Host timers may be due at this very millisecond, with their tasks not run yet.
                world.mark_dirty();
            }
        }
    }
}

async fn move_to(world: &World, at: u64) {
    let by = Duration::from_nanos(at - world.now());
    world.set_now(at);
    advance(by).await;
}

/// Waits until every task is pending.
async fn hosts_idle(world: &World) {
    world.all_pending.store(false, Ordering::Relaxed);
    poll_fn(|context| {
        register(world, context);
        if world.all_pending.load(Ordering::Relaxed) || world.stuck().is_some() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}

fn register(world: &World, context: &Context<'_>) {
    let mut driver = world.driver.lock().unwrap_or_else(PoisonError::into_inner);
    if !driver
        .as_ref()
        .is_some_and(|waker| waker.will_wake(context.waker()))
    {
        *driver = Some(context.waker().clone());
    }
}

/// The runtime's park callback: nothing is ready.
pub(crate) fn on_park(world: &World) {
    if world.is_dirty() {
        world.all_pending.store(true, Ordering::Relaxed);
        world.wake_driver();
    }
}
