//! Whether a failed call is sent again transparently. Spec: gRPC proposal A6, "transparent retries".
//!
//! Only calls that certainly no handler has seen are: those that never left, and those that left but that the peer
//! says it did not process. The call and its deadline stay the same. Requested retries are separate and come in
//! addition.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;

use crate::{Outcome, Progress, Trouble};

/// The number of further connections in quick succession for a call that never left. Otherwise a peer that accepts
/// connections only to end them would be dialled for ever.
const QUICK_MAX: u32 = 5;
/// Attempts further apart than this are not in quick succession: a peer may serve one call at a time, and its
/// connections may live shorter than the calls that wait.
const QUICK: Duration = Duration::from_millis(100);

/// The transparent retries of one call.
#[derive(Debug, Default)]
pub struct Again {
    /// The call left once, and was refused.
    refused: bool,
    quick: u32,
    last: Option<Instant>,
}

impl Again {
    /// Whether a call that failed with this status may be sent again. If so, `progress` starts again.
    pub fn permits(&mut self, status: &Status, progress: &Progress) -> bool {
        let permits = match (Trouble::of(status), progress.outcome_if_lost()) {
            (Some(_), Outcome::Failed) => self.is_not_in_vain(),
            (Some(Trouble::Refused(_)), Outcome::Unknown) => !std::mem::replace(&mut self.refused, true),
            _ => false,
        };
        if permits {
            progress.restart();
        }
        permits
    }

    /// As [`Again::permits`], for a call that left and that, according to the peer's own message, no handler has
    /// seen.
    pub fn permits_refused(&mut self, progress: &Progress) -> bool {
        let permits = !std::mem::replace(&mut self.refused, true);
        if permits {
            progress.restart();
        }
        permits
    }

    fn is_not_in_vain(&mut self) -> bool {
        let now = Instant::now();
        let last = self.last.replace(now);
        if last.is_some_and(|last| now - last >= QUICK) {
            self.quick = 0;
        }
        self.quick += 1;
        self.quick <= QUICK_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tonic::Code;

    use super::*;

    fn refused() -> Status {
        Trouble::Refused("GOAWAY".to_owned()).status(Code::Unavailable, "GOAWAY")
    }

    fn lost() -> Status {
        Trouble::Lost("reset".to_owned()).status(Code::Unavailable, "reset")
    }

    fn sent() -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        progress.mark().sent();
        progress
    }

    #[tokio::test(start_paused = true)]
    async fn what_left_and_was_refused_goes_again_once() {
        let mut again = Again::default();
        let progress = sent();
        assert!(again.permits(&refused(), &progress));
        assert_eq!(progress.outcome_if_lost(), Outcome::Failed);
        progress.mark().sent();
        assert!(!again.permits(&refused(), &progress));
        assert!(!again.permits_refused(&progress), "in whatever words");
        assert_eq!(progress.outcome_if_lost(), Outcome::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_left_goes_again_but_not_for_ever_to_a_peer_that_ends_each_connection() {
        let mut again = Again::default();
        let progress = Progress::default();
        for _ in 0..QUICK_MAX {
            assert!(again.permits(&lost(), &progress));
        }
        assert!(!again.permits(&lost(), &progress));
        for _ in 0..100 {
            tokio::time::sleep(QUICK).await;
            assert!(again.permits(&refused(), &progress));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_happened_never_goes_again() {
        assert!(!Again::default().permits(&lost(), &sent()));
        let reset = Trouble::Reset.status(Code::Internal, "INTERNAL_ERROR");
        assert!(!Again::default().permits(&reset, &sent()));
        let progress = sent();
        progress.status();
        // The peer's own.
        assert!(!Again::default().permits(&Status::unavailable("shutting down"), &progress));
        assert!(!Again::default().permits(&Status::unavailable("cannot connect"), &Progress::default()));
    }
}
