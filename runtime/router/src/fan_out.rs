//! Waits for several calls at once.

use std::future::Future;
use std::pin::Pin;

use futures_util::stream::{FuturesOrdered, StreamExt};

/// Runs all `futures` concurrently in the caller's task and waits for all of them. Results are in the order of the
/// futures, whichever finishes first.
///
/// Each future has its own waker, so a wake-up polls only that future. Futures that are woken together are polled in
/// the order of their wake-ups, so runs of the same seed poll in the same order.
pub(crate) async fn all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let ordered: FuturesOrdered<_> = futures.into_iter().collect();
    ordered.collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

    #[tokio::test(start_paused = true)]
    async fn results_are_in_the_order_of_the_futures() {
        let late_first = (0..100u64).map(|index| -> Boxed<u64> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(100 - index)).await;
                index
            })
        });
        assert_eq!(all(late_first.collect()).await, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_up_polls_only_what_it_concerns() {
        const FUTURES: usize = 1000;
        let polls = Arc::new(AtomicUsize::new(0));
        let futures = (0..FUTURES).map(|index| -> Boxed<()> {
            let polls = Arc::clone(&polls);
            let mut sleep = Box::pin(tokio::time::sleep(Duration::from_millis(index as u64 + 1)));
            Box::pin(std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                sleep.as_mut().poll(cx)
            }))
        });
        all(futures.collect()).await;
        assert_eq!(
            polls.load(Ordering::SeqCst),
            2 * FUTURES,
            "each once at first, and once when its time has come"
        );
    }
}
