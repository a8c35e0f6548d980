//! How fast requests of one connection are begun with, once it has very many in flight, and how fast they are refused.
//!
//! Turns alone do not keep such a peer from others: whoever has turn after turn keeps a thread busy, and the kernel lets
//! that thread go on while another one, which has just heard of somebody else's request, waits for a processor. So its
//! connection rests between them, and is not read meanwhile. TCP makes the peer wait.
//!
//! The first thousand requests are not held up, however many come at once: that is what many callers do that begin
//! together. A connection that has more in flight, and goes on, is slowed down to some thousands a second.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::ledger::{Account, Resting};

/// So many are refused before each rest.
const STEP: usize = 16;
/// So many requests of a connection may be in flight before it is slowed down.
const CROWD: usize = 1024;
/// So many more are begun with before each rest...
const CROWD_STEP: usize = 32;
/// ...of so long. 16,000 a second.
const CROWD_REST: Duration = Duration::from_millis(2);

/// How long a connection rests, when no other one does. With others, each rests so much longer that all of them together
/// are as fast as one.
const REST: Duration = Duration::from_millis(4);
/// How long it rests at most, however many do: it does not hear its peer's signs of life.
const REST_MAX: Duration = Duration::from_secs(1);

/// The pace of one connection.
#[derive(Default)]
pub(super) struct Pace {
    /// How many were refused since it last rested.
    refused: usize,
    /// How many were begun with beyond the crowd since it last rested.
    begun: usize,
    /// Made once it is first needed: most connections never rest.
    rest: Option<Pin<Box<Sleep>>>,
    resting: Option<Resting>,
}

impl Pace {
    /// A request was refused. Whether to rest before the next one.
    pub(super) fn refused(&mut self) -> bool {
        self.refused += 1;
        self.refused >= STEP
    }

    /// A request was begun with, and so many are in flight. Whether to rest before the next one.
    pub(super) fn begun(&mut self, in_flight: usize) -> bool {
        if in_flight <= CROWD {
            self.begun = 0;
            return false;
        }
        self.begun += 1;
        self.begun >= CROWD_STEP
    }

    /// Rests from now on.
    pub(super) fn rest(&mut self, account: &Arc<Account>) {
        let (resting, all) = account.rest();
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let alone = if self.refused > 0 { REST } else { CROWD_REST };
        let until = Instant::now() + alone.saturating_mul(all).min(REST_MAX);
        self.rest
            .get_or_insert_with(|| Box::pin(sleep(REST)))
            .as_mut()
            .reset(until);
        self.resting = Some(resting);
        (self.refused, self.begun) = (0, 0);
    }

    /// Pending while it rests.
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
