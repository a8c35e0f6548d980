//! What the end of a call implies about its execution: one meaning of statuses for all protocols, derived from what
//! is known of the wire.
//!
//! | end of the call | may a handler have run? |
//! |---|---|
//! | the peer says that it did not process it: GOAWAY below it, REFUSED_STREAM, surplus streams | no |
//! | any end before the message was passed to the socket | no |
//! | the connection, or a reset | unknown |
//! | a status of the peer | depends on the status, and on how the protocol transports errors: see [`Errors`] |
//! | a status of our own for an unreadable response | yes, with an unknown result |
//!
//! Statuses of the peer without any other content:
//!
//! | code | [`InAnswers`](Errors::InAnswers) | [`Relayed`](Errors::Relayed) | [`Own`](Errors::Own) |
//! |---|---|---|---|
//! | `UNIMPLEMENTED`: there is no such method, or its handler does nothing | failed | failed | failed |
//! | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`, `UNAUTHENTICATED`: the callee itself reports that it failed, or did not admit the request | unknown | failed | failed |
//! | `INTERNAL`, `UNKNOWN`, `DATA_LOSS`: something broke, in the callee or in between | unknown | unknown | failed |
//! | `UNAVAILABLE`, `RESOURCE_EXHAUSTED`, `DEADLINE_EXCEEDED`, `CANCELLED`, `ABORTED`: returned by a proxy or a limit before the handler, but also by handlers that have begun | unknown | unknown | unknown |
//!
//! None of them alone causes another attempt: see [`Again`](crate::Again).

use tonic::{Code, Status};

use crate::{Outcome, Progress, Trouble};

/// How a protocol transports the errors of its handlers. That decides the meaning of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// Always in responses (`module.ModuleService/Send`): a status has an unknown origin, so nothing is known of the
    /// handler.
    InAnswers,
    /// In statuses, also of handlers further away, which are passed on (`module.ModuleService/Message`): the failure
    /// may have happened there, behind a handler that continues.
    Relayed,
    /// In responses and in statuses, of only the called handler (`ModuleExecutor/Execute`): that handler failed.
    Own,
}

/// What is known of a call that has ended with this status, in a protocol with this error transport.
pub fn outcome(status: &Status, progress: &Progress, errors: Errors) -> Outcome {
    match Trouble::of(status) {
        Some(Trouble::Refused(_)) => return Outcome::Failed,
        Some(Trouble::Lost(_) | Trouble::Reset) => return progress.outcome_if_lost(),
        None => {}
    }
    if progress.outcome_if_lost() == Outcome::Failed {
        return Outcome::Failed;
    }
    // Its other content is unreadable, or the status came in the middle of a response.
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

/// What a code implies about the handler.
enum Says {
    /// There is no handler, or it does nothing.
    NotThere,
    /// It has failed, or the request was not admitted.
    Refused,
    /// Something broke.
    Broken,
    /// The call was given up: the handler may have begun, and may continue. Intermediaries give up with the same
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

/// Whether a status with other content is our own, for an unreadable response: empty, too large, compressed, not gRPC
/// at all.
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

    /// The outcomes as `codes`, one letter each: `f`ailed, or `u`nknown.
    fn letters(errors: Errors, progress: &Progress) -> String {
        // In the order of their numbers, from 1.
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
