//! Waits for several calls at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs all `futures` concurrently in the caller's task and waits for every one. Results are in the order
/// of the futures, and so is each round of polling: nothing depends on which one finishes first.
///
/// Each wake-up polls all that are left, so the cost is quadratic: meant for the edges of one port.
pub(crate) async fn all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(Slot::Running).collect();
    poll_fn(|cx| {
        let mut left = false;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(value) => *slot = Slot::Done(value),
                    Poll::Pending => left = true,
                }
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let done = slots.into_iter().map(|slot| match slot {
        Slot::Done(value) => value,
        Slot::Running(_) => unreachable!("the loop above ends when none is running"),
    });
    done.collect()
}

enum Slot<'a, T> {
    Running(Pin<Box<dyn Future<Output = T> + Send + 'a>>),
    Done(T),
}
