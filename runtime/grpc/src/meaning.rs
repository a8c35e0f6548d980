//! What the end of a call says of whether it happened: one meaning of statuses for all protocols, from what is known of
//! the wire.
//!
//! | what ended it | may a handler have run? |
//! |---|---|
//! | the peer says that it did not process it: GOAWAY below it, REFUSED_STREAM, surplus streams | no |
//! | anything at all, before the message was handed to the socket | no |
//! | the connection, or a reset | who knows |
//! | a status of the peer's own | that depends on what it says, and on where its protocol has errors: see [`Errors`] |
//! | a status of our own about an answer that cannot be read | it has, and how it ended nobody knows |
//!
//! Of statuses of the peer's own, which come with nothing else:
//!
//! | code | [`InAnswers`](Errors::InAnswers) | [`Relayed`](Errors::Relayed) | [`Own`](Errors::Own) |
//! |---|---|---|---|
//! | `UNIMPLEMENTED`: there is no such method, or its handler does nothing | failed | failed | failed |
//! | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`, `UNAUTHENTICATED`: the callee itself says that it failed, or has not let it in | unknown | failed | failed |
//! | `INTERNAL`, `UNKNOWN`, `DATA_LOSS`: something broke, in the callee or between | unknown | unknown | failed |
//! | `UNAVAILABLE`, `RESOURCE_EXHAUSTED`, `DEADLINE_EXCEEDED`, `CANCELLED`, `ABORTED`: a proxy or a limit before the handler says so, and so do handlers that have begun | unknown | unknown | unknown |
//!
//! None of them is sent again for it by itself: see [`Again`](crate::Again).

use tonic::{Code, Status};

use crate::{Outcome, Progress, Trouble};

/// Where a protocol has the errors of its handlers. That decides what a status is which ends a call instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// In answers, all of them (`module.ModuleService/Send`): a status is nobody's of whom is known what he has done.
    InAnswers,
    /// In statuses, also of handlers further away, which are handed on (`module.ModuleService/Message`): what broke may
    /// have broken there, behind a handler that goes on.
    Relayed,
    /// In answers and in statuses, of the one handler that is asked (`ModuleExecutor/Execute`): what broke is that one.
    Own,
}

/// What is known of a call that has ended with this status, in a protocol that has its errors there.
pub fn outcome(status: &Status, progress: &Progress, errors: Errors) -> Outcome {
    match Trouble::of(status) {
        Some(Trouble::Refused(_)) => return Outcome::Failed,
        Some(Trouble::Lost(_) | Trouble::Reset) => return progress.outcome_if_lost(),
        None => {}
    }
    if progress.outcome_if_lost() == Outcome::Failed {
        return Outcome::Failed;
    }
    // What came beside it cannot be read, or it came in the midst of an answer.
    let is_readable =
        progress.only_a_status_came() || (errors == Errors::Own && !is_about_answers(status.code()));
    let has_failed = match Says::of(status.code()) {
        Says::NotThere => true,
        Says::Refused => errors != Errors::InAnswers,
        Says::Broken => errors == Errors::Own,
        Says::GivenUp => false,
    };
    match is_readable && has_failed {
        true => Outcome::Failed,
        false => Outcome::Unknown,
    }
}

/// What a code says of the handler.
enum Says {
    /// There is none, or it does nothing.
    NotThere,
    /// It has failed, or the request was not let in.
    Refused,
    /// Something broke.
    Broken,
    /// Somebody has given up: it may have begun, and may go on. What is between it and its caller gives up with the same
    /// codes.
    GivenUp,
}

impl Says {
    fn of(code: Code) -> Self {
        match code {
            Code::Unimplemented => Says::NotThere,
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unauthenticated => Says::Refused,
            Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss => Says::Broken,
            Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted => Says::GivenUp,
        }
    }
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
            assert_eq!(
                outcome(&status, &progress, Errors::Own),
                Outcome::Failed,
                "{status:?}"
            );
        }
    }

    #[test]
    fn what_the_peer_says_it_did_not_process_has_not_happened_although_it_left() {
        let refused = Trouble::Refused("GOAWAY".to_owned()).status(Code::Unavailable, "GOAWAY");
        assert_eq!(outcome(&refused, &sent(), Errors::Own), Outcome::Failed);
        let surplus = Trouble::Refused("calm".to_owned()).status(Code::ResourceExhausted, "calm");
        assert_eq!(outcome(&surplus, &sent(), Errors::Own), Outcome::Failed);
        for trouble in [Trouble::Lost("closed".to_owned()), Trouble::Reset] {
            let lost = trouble.status(Code::Unavailable, "closed");
            assert_eq!(outcome(&lost, &sent(), Errors::Own), Outcome::Unknown);
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
            assert_eq!(
                outcome(&Status::new(code, ""), &progress, Errors::Own),
                expected,
                "{code:?}"
            );
        }
    }

    #[test]
    fn how_an_answer_that_cannot_be_read_ended_nobody_knows() {
        let progress = sent();
        progress.answered();
        for code in [Code::Internal, Code::OutOfRange, Code::Unimplemented] {
            assert_eq!(
                outcome(&Status::new(code, ""), &progress, Errors::Own),
                Outcome::Unknown,
                "{code:?}"
            );
        }
    }

    /// By `codes`, one letter each: `f`ailed, or `u`nknown.
    fn letters(errors: Errors, progress: &Progress) -> String {
        // In the order of their numbers, from 1 on.
        let outcomes = (1..=16).map(|code| outcome(&Status::new(Code::from_i32(code), ""), progress, errors));
        outcomes.map(|it| &it.as_str()[..1]).collect()
    }

    #[test]
    fn every_code_means_what_the_table_says_wherever_errors_are() {
        let all = [Errors::InAnswers, Errors::Relayed, Errors::Own];
        let answered = sent();
        answered.answered();
        // CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
        // RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
        // UNAUTHENTICATED.
        for (progress, expected) in [
            (Arc::default(), ["ffffffffffffffff"; 3]),
            (
                answered_with_a_status(),
                ["uuuuuuuuuuufuuuu", "uufufffufuffuuuf", "uffufffufufffuff"],
            ),
            (
                answered,
                ["uuuuuuuuuuuuuuuu", "uuuuuuuuuuuuuuuu", "uffufffufuuuuuff"],
            ),
        ] {
            assert_eq!(all.map(|errors| letters(errors, &progress)), expected);
        }
    }
}
