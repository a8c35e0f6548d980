//! Slows down a peer that keeps sending requests that are refused.
//!
//! Turns alone do not protect others: a peer that always has work keeps a thread busy, and the kernel lets that
//! thread run while another one, which was just woken for another peer's request, waits for a processor. So its
//! connection is paused between turns, and is not read meanwhile. TCP makes the peer wait.
//!
//! Requests that are started are not delayed, however many come at once: many callers that begin together look like
//! that.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::ledger::{Account, Resting};

/// The number of refusals before each pause.
const STEP: usize = 16;
/// The pause of a connection when no other one is paused. With others, each pauses proportionally longer, so that
/// together they are as fast as one.
const REST: Duration = Duration::from_millis(4);
/// The maximum pause, however many are paused: meanwhile the peer's signs of life are not read.
const REST_MAX: Duration = Duration::from_secs(1);

/// The pace of one connection.
#[derive(Default)]
pub(super) struct Pace {
    /// The number of refusals since the last pause.
    refused: usize,
    /// Created on demand: most connections are never paused.
    rest: Option<Pin<Box<Sleep>>>,
    resting: Option<Resting>,
}

impl Pace {
    /// A request was refused. Returns whether to pause before the next one.
    pub(super) fn refused(&mut self) -> bool {
        self.refused += 1;
        self.refused >= STEP
    }

    /// Starts the pause.
    pub(super) fn rest(&mut self, account: &Arc<Account>) {
        let (resting, all) = account.rest();
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let until = Instant::now() + REST.saturating_mul(all).min(REST_MAX);
        self.rest
            .get_or_insert_with(|| Box::pin(sleep(REST)))
            .as_mut()
            .reset(until);
        self.resting = Some(resting);
        self.refused = 0;
    }

    /// Pending during the pause.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let (Some(_), Some(rest)) = (&self.resting, &mut self.rest) {
            if rest.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.resting = None;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::super::limits::Limits;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_rests_beside_others_rests_longer_and_no_longer_than_a_second() {
        let ledger = Arc::default();
        let mut others = Vec::new();
        for count in [1, 2, 3, 1000] {
            let account = Account::new(Limits::default(), Arc::clone(&ledger));
            while others.len() + 1 < count {
                others.push(account.rest());
            }
            let (mut pace, begun) = (Pace::default(), Instant::now());
            assert!((1..STEP).all(|_| !pace.refused()) && pace.refused());
            pace.rest(&account);
            poll_fn(|context| pace.poll(context)).await;
            let expected = REST.saturating_mul(u32::try_from(count).unwrap()).min(REST_MAX);
            assert_eq!(begun.elapsed(), expected);
        }
        drop(others);
    }
}
