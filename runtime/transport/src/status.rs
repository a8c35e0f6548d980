//! Errors as gRPC statuses, and back. Spec: cluster 2.4, and section 6, W1.
//!
//! A status has a code, a text for people and, in the trailer `crucible-error`, the kind of the error for programs.
//! `crucible-error-detail` has the error's fields, as JSON, so that a client can build the same error again. Clients in Go
//! see the code and the text.
//!
//! | `crucible-error` | code | |
//! |---|---|---|
//! | `bad-payload` | 3 `INVALID_ARGUMENT` | the node's event type has no such value, or the input is no object |
//! | `unknown-source` | 5 `NOT_FOUND` | no behaviour of this name |
//! | `conflict` | 6 `ALREADY_EXISTS` | an actor of this id runs from another behaviour |
//! | `mailbox-full` | 8 `RESOURCE_EXHAUSTED` | |
//! | `wrong-node` | 9 `FAILED_PRECONDITION` | the reference names another node |
//! | `stale-reference` | 9 `FAILED_PRECONDITION` | |
//! | `did-not-start` | 2 `UNKNOWN` | the behaviour returned an error or panicked |
//! | `instance-not-found` | 5 `NOT_FOUND` | |
//! | `step-out-of-range` | 11 `OUT_OF_RANGE` | |
//! | `compacted` | 9 `FAILED_PRECONDITION` | the step's record is gone |
//! | `no-baseline` | 9 `FAILED_PRECONDITION` | |
//! | `damaged` | 15 `DATA_LOSS` | the store holds something unreadable |
//! | `replay-failed` | 15 `DATA_LOSS` | a record cannot be replayed |
//! | `store-unreadable` | 14 `UNAVAILABLE` | |
//! | `panicked` | 13 `INTERNAL` | the endpoint panicked |
//! | `overloaded` | 8 `RESOURCE_EXHAUSTED` | the server has as many calls as it takes |
//! | `invalid-name` | 3 `INVALID_ARGUMENT` | a name is too long, or has control characters |

mod detail;

use http::HeaderMap;
use squall_cluster::{Error, HistoryError, Outcome};
use squall_grpc::{Progress, Trouble, meaning};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::percent;
use detail::Detail;

/// The kind of an error.
pub(crate) const KIND: &str = "crucible-error";
/// The fields of an error.
const DETAIL: &str = "crucible-error-detail";
/// What an actor did with a message.
const OUTCOME: &str = "crucible-outcome";
/// Why it refuses the message, or has failed.
const REASON: &str = "crucible-outcome-reason";

/// Texts in trailers are cut after this many bytes: peers limit headers to 16 KiB, and one byte may take three.
const TEXT_MAX: usize = 1024;

/// A status of our own with a kind.
pub(crate) fn status(code: Code, kind: &'static str, text: &str) -> Status {
    with_detail(code, kind, text, &Detail::default())
}

fn with_detail(code: Code, kind: &'static str, text: &str, detail: &Detail) -> Status {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(KIND, http::HeaderValue::from_static(kind));
    if *detail != Detail::default() {
        trailers.insert(DETAIL, detail.encoded());
    }
    Status::with_metadata(
        code,
        percent::cut(text, TEXT_MAX),
        MetadataMap::from_headers(trailers),
    )
}

/// The status of an endpoint's error.
pub(crate) fn of_error(error: &Error) -> Status {
    let text = error.to_string();
    let typed = |code, kind, detail| with_detail(code, kind, &text, &detail);
    let plain = |code| Status::new(code, percent::cut(&text, TEXT_MAX));
    let new = Detail::of;
    match error {
        Error::BadPayload { id, reason } => {
            typed(Code::InvalidArgument, "bad-payload", new(id).reason(reason))
        }
        Error::UnknownSource { id, src, node } => {
            typed(Code::NotFound, "unknown-source", new(id).src(src).node(node))
        }
        Error::Conflict { id, src, wanted } => {
            typed(Code::AlreadyExists, "conflict", new(id).src(src).wanted(wanted))
        }
        Error::Overflow { id, limit } => typed(
            Code::ResourceExhausted,
            "mailbox-full",
            new(id).number(i64::try_from(*limit).unwrap_or(i64::MAX)),
        ),
        Error::WrongNode { id, wanted, node } => typed(
            Code::FailedPrecondition,
            "wrong-node",
            new(id).wanted(wanted).node(node),
        ),
        Error::Stale { id, reason } => typed(
            Code::FailedPrecondition,
            "stale-reference",
            new(id).reason(reason),
        ),
        Error::Failed {
            id,
            src,
            node,
            reason,
        } => typed(
            Code::Unknown,
            "did-not-start",
            new(id).src(src).node(node).reason(reason),
        ),
        Error::DeadlineExceeded { .. } => plain(Code::DeadlineExceeded),
        Error::Cancelled { .. } => plain(Code::Cancelled),
        Error::Unavailable { .. } => plain(Code::Unavailable),
        // An endpoint acts locally: errors of other nodes are not expected.
        _ => plain(Code::Unknown),
    }
}

/// The status of an error of the past.
pub(crate) fn of_history(error: &HistoryError) -> Status {
    let text = error.to_string();
    let typed = |code, kind, detail| with_detail(code, kind, &text, &detail);
    let new = Detail::of;
    match error {
        HistoryError::NotFound { id } => typed(Code::NotFound, "instance-not-found", new(id)),
        HistoryError::OutOfRange {
            id,
            step,
            first,
            last,
        } => typed(
            Code::OutOfRange,
            "step-out-of-range",
            new(id).step(*step).range(*first, *last),
        ),
        HistoryError::Compacted { id, step, oldest } => typed(
            Code::FailedPrecondition,
            "compacted",
            new(id).step(*step).number(*oldest),
        ),
        HistoryError::NoBaseline { id } => typed(Code::FailedPrecondition, "no-baseline", new(id)),
        HistoryError::Damaged { id, reason } => typed(Code::DataLoss, "damaged", new(id).reason(reason)),
        HistoryError::Replay { id, step, reason } => typed(
            Code::DataLoss,
            "replay-failed",
            new(id).step(*step).reason(reason),
        ),
        HistoryError::Store { id, reason } => {
            typed(Code::Unavailable, "store-unreadable", new(id).reason(reason))
        }
        HistoryError::Cancelled => Status::cancelled(text),
        _ => Status::unknown(percent::cut(&text, TEXT_MAX)),
    }
}

/// The error that a node has answered with, or that has happened on the way to it.
pub(crate) fn to_error(status: &Status, node: &str, progress: &Progress) -> Error {
    if let Some(error) = typed_error(status) {
        return error;
    }
    let node = node.to_owned();
    let outcome = meaning::outcome(status, progress, meaning::Errors::Own);
    let is_refused = matches!(Trouble::of(status), Some(Trouble::Refused(_)));
    match status.code() {
        Code::DeadlineExceeded => Error::DeadlineExceeded { node },
        Code::Cancelled => Error::Cancelled { node },
        code if code == Code::Unavailable || is_refused => Error::Unavailable {
            node,
            reason: status.message().to_owned(),
            may_have_happened: outcome == squall_grpc::Outcome::Unknown,
        },
        code => Error::Remote {
            node,
            code: code as i32,
            message: status.message().to_owned(),
        },
    }
}

fn kind_and_detail(status: &Status) -> Option<(&str, Detail)> {
    let headers = status.metadata().as_ref();
    let kind = headers.get(KIND)?.to_str().ok()?;
    let detail = match headers.get(DETAIL) {
        Some(detail) => Detail::decoded(detail)?,
        None => Detail::default(),
    };
    Some((kind, detail))
}

fn typed_error(status: &Status) -> Option<Error> {
    let (kind, detail) = kind_and_detail(status)?;
    let Detail {
        id,
        src,
        node,
        wanted,
        reason,
        number,
        ..
    } = detail;
    Some(match kind {
        "bad-payload" => Error::BadPayload { id, reason },
        "unknown-source" => Error::UnknownSource { id, src, node },
        "conflict" => Error::Conflict { id, src, wanted },
        "mailbox-full" => Error::Overflow {
            id,
            limit: usize::try_from(number).unwrap_or(0),
        },
        "wrong-node" => Error::WrongNode { id, wanted, node },
        "stale-reference" => Error::Stale { id, reason },
        "did-not-start" => Error::Failed {
            id,
            src,
            node,
            reason,
        },
        _ => return None,
    })
}

/// The error of the past that a node has answered with; `None` when it is another one.
pub(crate) fn to_history(status: &Status) -> Option<HistoryError> {
    let (kind, detail) = kind_and_detail(status)?;
    let Detail {
        id,
        reason,
        number,
        step,
        first,
        last,
        ..
    } = detail;
    Some(match kind {
        "instance-not-found" => HistoryError::NotFound { id },
        "step-out-of-range" => HistoryError::OutOfRange {
            id,
            step,
            first,
            last,
        },
        "compacted" => HistoryError::Compacted {
            id,
            step,
            oldest: number,
        },
        "no-baseline" => HistoryError::NoBaseline { id },
        "damaged" => HistoryError::Damaged { id, reason },
        "replay-failed" => HistoryError::Replay { id, step, reason },
        "store-unreadable" => HistoryError::Store { id, reason },
        _ => return None,
    })
}

/// What an actor did with a message, into the trailers of the answer.
pub(crate) fn write_outcome(outcome: &Outcome, trailers: &mut HeaderMap) {
    let (name, reason) = match outcome {
        Outcome::Handled => ("handled", None),
        Outcome::Ignored => ("ignored", None),
        Outcome::Rejected(reason) => ("rejected", Some(reason)),
        Outcome::Failed(reason) => ("failed", Some(reason)),
        _ => return,
    };
    trailers.insert(OUTCOME, http::HeaderValue::from_static(name));
    if let Some(reason) = reason {
        trailers.insert(REASON, percent::encode(percent::cut(reason, TEXT_MAX)));
    }
}

/// What an actor did with a message, if its node says it.
pub(crate) fn read_outcome(trailers: &HeaderMap) -> Option<Outcome> {
    let reason = || trailers.get(REASON).map(percent::decode).unwrap_or_default();
    Some(match trailers.get(OUTCOME)?.as_bytes() {
        b"handled" => Outcome::Handled,
        b"ignored" => Outcome::Ignored,
        b"rejected" => Outcome::Rejected(reason()),
        b"failed" => Outcome::Failed(reason()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
