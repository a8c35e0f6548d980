//! Waiting for a peer in a process that may stand still.
//!
//! A process that is not scheduled reads nothing. Meanwhile its peers' bytes wait in its sockets, and all its timers
//! have expired when it continues. A timer that judges a peer must not count that time, so it checks the clock
//! repeatedly. A late check indicates a standstill and moves the end; until the next check there is time to read what
//! has arrived.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A check with less delay than this is in time: timers fire at millisecond boundaries, and tasks that are due at the
/// same time run one after the other.
const LATE: Duration = Duration::from_millis(2);
/// The maximum interval of checks.
const SPACING_MAX: Duration = Duration::from_secs(1);
/// The minimum interval of checks.
const SPACING_MIN: Duration = Duration::from_millis(1);
/// The minimum number of checks within one wait.
const LOOKS: u32 = 8;

/// The delay of an event; zero for a small delay, which indicates no standstill.
pub fn lateness(due: Instant, now: Instant) -> Duration {
    let late = now.saturating_duration_since(due);
    if late < LATE { Duration::ZERO } else { late }
}

/// How long a peer is waited for, without the time in which this process stood still. Measured on tokio's clock.
///
/// A standstill that begins and ends between two checks is not noticed: they are an eighth of the wait apart, at most
/// a second.
#[derive(Debug)]
pub struct Patience {
    length: Duration,
    until: Instant,
    look: Instant,
}

impl Patience {
    /// Begins a wait of this length.
    pub fn new(length: Duration) -> Self {
        let now = Instant::now();
        let mut patience = Patience {
            length,
            until: now,
            look: now,
        };
        patience.restart();
        patience
    }

    /// The peer has sent something: the wait starts again.
    pub fn restart(&mut self) {
        let now = Instant::now();
        self.until = later(now, self.length);
        self.look = later(now, self.spacing()).min(self.until);
    }

    /// Resolves when the wait is over. Dropping the future and calling again has no effect.
    pub async fn over(&mut self) {
        loop {
            sleep_until(self.look).await;
            let now = Instant::now();
            let late = lateness(self.look, now);
            self.until = later(self.until, late);
            let spacing = self.spacing();
            // After a standstill, arrived bytes are read first. A wait also ends in a process that keeps standing
            // still.
            let spare = if late.is_zero() { Duration::ZERO } else { spacing };
            if now >= later(self.until, spare) {
                return;
            }
            self.look = match late {
                Duration::ZERO => later(now, spacing).min(self.until),
                late => later(now, late.min(spacing)),
            };
        }
    }

    fn spacing(&self) -> Duration {
        (self.length / LOOKS).clamp(SPACING_MIN, SPACING_MAX)
    }
}

/// Waits for a peer's response, at most this long; `None` if it has not come by then.
pub async fn within<T>(length: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let mut patience = Patience::new(length);
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        () = patience.over() => None,
    }
}

/// This much later; practically never, if there is no such instant.
fn later(moment: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    moment.checked_add(duration).unwrap_or_else(|| moment + FAR)
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep, timeout};

    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn without_a_standstill_it_lasts_as_long_as_it_was_meant_to() {
        for length in [Duration::from_millis(1), S, 15 * S, 4000 * S] {
            let begun = Instant::now();
            Patience::new(length).over().await;
            assert_eq!(begun.elapsed(), length);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_begins_it_anew() {
        let begun = Instant::now();
        let mut patience = Patience::new(10 * S);
        assert!(timeout(9 * S, patience.over()).await.is_err());
        patience.restart();
        patience.over().await;
        assert_eq!(begun.elapsed(), 19 * S);
    }

    #[tokio::test(start_paused = true)]
    async fn a_standstill_does_not_count() {
        let begun = Instant::now();
        let mut patience = Patience::new(10 * S);
        assert!(timeout(4 * S, patience.over()).await.is_err());
        advance(60 * S).await;
        assert!(
            timeout(Duration::ZERO, patience.over()).await.is_err(),
            "it reads first"
        );
        patience.over().await;
        let took = begun.elapsed();
        // A standstill between two checks is not noticed.
        assert!(69 * S <= took && took <= 70 * S, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_arrived_meanwhile_is_read_first() {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let reader = async {
            let mut waiting = std::pin::pin!(within(5 * S, answer));
            assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
            // The process stands still; the response has arrived, but its reader has not been scheduled.
            advance(20 * S).await;
            assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
            sender.send(7).expect("it waits");
            waiting.await
        };
        assert_eq!(reader.await, Some(Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stands_still_again_and_again_comes_to_an_end() {
        let mut patience = Patience::new(10 * S);
        let mut rounds = 0;
        while timeout(Duration::from_millis(100), patience.over())
            .await
            .is_err()
        {
            advance(Duration::from_millis(900)).await;
            rounds += 1;
            assert!(rounds < 300, "it never ends");
        }
        // Standstills between two checks are not noticed.
        assert!(rounds >= 10, "{rounds}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_is_not_waited_for_any_longer() {
        assert_eq!(within(S, std::future::pending::<()>()).await, None);
        assert_eq!(within(2 * S, sleep(S)).await, Some(()));
    }
}
