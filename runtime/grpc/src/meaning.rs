//! What the end of a call says of whether it happened: one meaning of statuses for all protocols, from what is known of
//! the wire.
//!
//! | what ended it | may a handler have run? |
//! |---|---|
//! | the peer says that it did not process it: GOAWAY below it, REFUSED_STREAM, surplus streams | no |
//! | anything at all, before the message was handed to the socket | no |
//! | the connection, or a reset | who knows |
//! | a status of the peer's own: `UNAVAILABLE`, `RESOURCE_EXHAUSTED`, `DEADLINE_EXCEEDED`, `CANCELLED`, `ABORTED` | who knows: a proxy or a limit before the handler says so, and so do handlers that have begun |
//! | another one of the peer's own | it has, or it was not let in: the callee itself says that it failed |
//! | a status of our own about an answer that cannot be read | it has, and how it ended nobody knows |

use tonic::{Code, Status};

use crate::{Outcome, Progress, Trouble};

/// What is known of a call that has ended with this status.
pub fn outcome(status: &Status, progress: &Progress) -> Outcome {
    match Trouble::of(status) {
        Some(Trouble::Refused(_)) => Outcome::Failed,
        Some(Trouble::Lost(_) | Trouble::Reset) => progress.outcome_if_lost(),
        None if progress.outcome_if_lost() == Outcome::Failed => Outcome::Failed,
        // What came beside it cannot be read, or it came in the midst of an answer.
        None if !progress.only_a_status_came() && is_about_answers(status.code()) => Outcome::Unknown,
        None if may_hide_a_handler(status.code()) => Outcome::Unknown,
        None => Outcome::Failed,
    }
}

/// Whether a handler may have begun, or may go on, where a peer answers with this code: what is between it and its caller
/// gives up with the same ones.
pub fn may_hide_a_handler(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
    )
}

/// Whether a status that came with more than itself is our own, about an answer that cannot be read: empty, too large,
/// compressed, no gRPC at all.
pub fn is_about_answers(code: Code) -> bool {
    matches!(
        code,
        Code::Internal | Code::OutOfRange | Code::ResourceExhausted | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn sent() -> Arc<Progress> {
        let progress = Arc::<Progress>::default();
        progress.mark().sent();
        progress
    }

    fn answered_with_a_status() -> Arc<Progress> {
        let progress = sent();
        progress.status();
        progress
    }

    #[test]
    fn what_never_left_has_certainly_not_happened() {
        let progress = Progress::default();
        for status in [
            Status::unavailable("cannot connect"),
            Trouble::Lost("closed".to_owned()).status(Code::Unavailable, "closed"),
            Status::deadline_exceeded("late"),
        ] {
            assert_eq!(outcome(&status, &progress), Outcome::Failed, "{status:?}");
        }
    }

    #[test]
    fn what_the_peer_says_it_did_not_process_has_not_happened_although_it_left() {
        let refused = Trouble::Refused("GOAWAY".to_owned()).status(Code::Unavailable, "GOAWAY");
        assert_eq!(outcome(&refused, &sent()), Outcome::Failed);
        let surplus = Trouble::Refused("calm".to_owned()).status(Code::ResourceExhausted, "calm");
        assert_eq!(outcome(&surplus, &sent()), Outcome::Failed);
        for trouble in [Trouble::Lost("closed".to_owned()), Trouble::Reset] {
            let lost = trouble.status(Code::Unavailable, "closed");
            assert_eq!(outcome(&lost, &sent()), Outcome::Unknown);
        }
    }

    #[test]
    fn what_a_handler_says_as_well_as_what_stands_before_it_may_have_happened() {
        let progress = answered_with_a_status();
        for (code, expected) in [
            (Code::Unavailable, Outcome::Unknown),
            (Code::ResourceExhausted, Outcome::Unknown),
            (Code::DeadlineExceeded, Outcome::Unknown),
            (Code::Cancelled, Outcome::Unknown),
            (Code::Aborted, Outcome::Unknown),
            (Code::InvalidArgument, Outcome::Failed),
            (Code::NotFound, Outcome::Failed),
            (Code::Internal, Outcome::Failed),
            (Code::Unknown, Outcome::Failed),
            (Code::Unimplemented, Outcome::Failed),
        ] {
            assert_eq!(outcome(&Status::new(code, ""), &progress), expected, "{code:?}");
        }
    }

    #[test]
    fn how_an_answer_that_cannot_be_read_ended_nobody_knows() {
        let progress = sent();
        progress.answered();
        for code in [Code::Internal, Code::OutOfRange, Code::Unimplemented] {
            assert_eq!(
                outcome(&Status::new(code, ""), &progress),
                Outcome::Unknown,
                "{code:?}"
            );
        }
    }
}
