//! How fast a peer is begun with that asks for ever more, or goes on asking for what it is refused.
//!
//! Turns alone do not keep such a peer from others: whoever has turn after turn keeps all threads busy, and each is
//! interrupted by the kernel when it likes, often the one that has just heard of somebody else's request. So its
//! connection rests between them, and is not read meanwhile. TCP makes the peer wait.
//!
//! What comes as fast as others end is not held up, however much it is: only having more in the works than ever before is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::ledger::{Account, Resting};

/// So many requests of a connection may be in the works without a rest, if no other one rests. Those that rest and it
/// have equal shares of them.
const FREE: usize = 500;
/// But no smaller ones than this.
const FREE_MIN: usize = 125;
/// And so many more are begun with, or refused, before each rest.
const STEP: usize = 16;
/// How long a connection rests, when no other one does. With others, each rests so much longer that all of them together
/// are as fast as one.
const REST: Duration = Duration::from_millis(4);
/// How long it rests at most, however many do: it does not hear its peer's signs of life.
const REST_MAX: Duration = Duration::from_secs(1);

/// The pace of one connection.
pub(super) struct Pace {
    /// It has rested for so many in the works.
    reached: usize,
    /// How many were refused since it last rested.
    refused: usize,
    /// Made once it is first needed: most connections never rest.
    rest: Option<Pin<Box<Sleep>>>,
    resting: Option<Resting>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace {
            reached: 0,
            refused: 0,
            rest: None,
            resting: None,
        }
    }

    /// A request was begun with. Whether to rest before the next one.
    pub(super) fn begun(&mut self, account: &Account) -> bool {
        let in_the_works = account.in_the_works();
        if in_the_works < self.reached / 2 {
            self.reached /= 2;
        }
        in_the_works > FREE_MIN.max(self.reached)
            && in_the_works > FREE_MIN.max(FREE / (account.resting() + 1))
    }

    /// A request was refused. Whether to rest before the next one.
    pub(super) fn refused(&mut self) -> bool {
        self.refused += 1;
        self.refused >= STEP
    }

    /// Rests from now on.
    pub(super) fn rest(&mut self, account: &Arc<Account>) {
        let resting = account.rest();
        let all = u32::try_from(account.resting()).unwrap_or(u32::MAX);
        let until = Instant::now() + REST.saturating_mul(all).min(REST_MAX);
        self.rest
            .get_or_insert_with(|| Box::pin(sleep(REST)))
            .as_mut()
            .reset(until);
        self.resting = Some(resting);
        self.refused = 0;
        self.reached = self.reached.max(account.in_the_works() + STEP - 1);
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

    /// How many rests there are, and how long they take, until so many are in the works.
    async fn grow(
        pace: &mut Pace,
        account: &Arc<Account>,
        seats: &mut Vec<super::super::ledger::Seat>,
        to: usize,
    ) -> usize {
        let mut rests = 0;
        while seats.len() < to {
            seats.push(account.seat().unwrap());
            if pace.begun(account) {
                rests += 1;
                pace.rest(account);
                poll_fn(|context| pace.poll(context)).await;
            }
        }
        rests
    }

    #[tokio::test(start_paused = true)]
    async fn only_more_than_ever_is_held_up() {
        let account = Account::new(Limits::default(), Arc::default());
        let (mut pace, mut seats) = (Pace::new(), Vec::new());
        let begun = Instant::now();
        assert_eq!(grow(&mut pace, &account, &mut seats, FREE).await, 0);
        assert_eq!(grow(&mut pace, &account, &mut seats, FREE + 10 * STEP).await, 10);
        assert_eq!(begun.elapsed(), 10 * REST);
        // As many come as end.
        for _ in 0..100 {
            seats.truncate(FREE);
            assert_eq!(grow(&mut pace, &account, &mut seats, FREE + 10 * STEP).await, 0);
        }
        // What was long ago does not count.
        grow(&mut pace, &account, &mut seats, 3 * FREE).await;
        for _ in 0..10 {
            seats.truncate(1);
            assert_eq!(grow(&mut pace, &account, &mut seats, FREE).await, 0);
        }
        assert_eq!(grow(&mut pace, &account, &mut seats, FREE + 10 * STEP).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_others_rest_has_a_share_and_a_few_are_always_free() {
        let ledger = Arc::default();
        let mut others = Vec::new();
        for (resting, free) in [(0, FREE), (1, FREE / 2), (3, FREE_MIN), (100, FREE_MIN)] {
            let account = Account::new(Limits::default(), Arc::clone(&ledger));
            while others.len() < resting {
                others.push(account.rest());
            }
            let (mut pace, mut seats) = (Pace::new(), Vec::new());
            assert_eq!(grow(&mut pace, &account, &mut seats, free).await, 0);
            assert_eq!(grow(&mut pace, &account, &mut seats, free + 1).await, 1);
        }
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn who_rests_beside_others_rests_longer_and_no_longer_than_a_second() {
        let ledger = Arc::default();
        let mut others = Vec::new();
        for count in [1, 2, 3, 1000] {
            let account = Account::new(Limits::default(), Arc::clone(&ledger));
            while others.len() + 1 < count {
                others.push(account.rest());
            }
            let (mut pace, begun) = (Pace::new(), Instant::now());
            assert!((1..STEP).all(|_| !pace.refused()) && pace.refused());
            pace.rest(&account);
            poll_fn(|context| pace.poll(context)).await;
            let expected = REST.saturating_mul(u32::try_from(count).unwrap()).min(REST_MAX);
            assert_eq!(begun.elapsed(), expected);
        }
        drop(others);
    }
}
