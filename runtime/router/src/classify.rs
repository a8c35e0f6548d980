//! What a failed gRPC call means: was the peer lost, and may the request have been handled?
//!
//! The status code alone cannot say. So its sources do ([`Trouble`]), and the call's own [`Progress`] says how far
//! the request got. Spec: router H-3, appendix A.

use std::sync::Arc;

use squall_grpc::{Progress, Trouble};
use tonic::{Code, Status};

use crate::{Error, Method, Outcome, wire};

/// Turns what tonic reports into what happened.
pub(crate) fn failure(status: &Status, progress: &Progress, module: &Arc<str>, method: Method) -> Error {
    let unavailable = |cause: String, outcome| Error::Unavailable {
        module: Arc::clone(module),
        cause: cause.into(),
        outcome,
    };
    let send = |outcome| Error::Send {
        cause: format!("{:?}: {}", status.code(), status.message()).into(),
        outcome,
    };
    match Trouble::of(status) {
        Some(Trouble::Lost(cause)) => unavailable(cause, progress.outcome_if_lost()),
        Some(Trouble::Refused(cause)) => unavailable(cause, Outcome::Failed),
        Some(Trouble::Reset) => send(progress.outcome_if_lost()),
        // One of ours says what it was.
        None if wire::classified(status.metadata()) => match method {
            Method::Send => send(wire::outcome(status.metadata())),
            Method::Message => wire::remote_error(status.message().to_owned(), status.metadata()),
        },
        None => match status.code() {
            // What a component of a Go module says. Spec: router 2.2.
            Code::Unknown if method == Method::Message && progress.only_a_status_came() => {
                wire::remote_error(status.message().to_owned(), status.metadata())
            }
            Code::Unavailable => unavailable(status.message().to_owned(), progress.outcome_if_lost()),
            // The deadline travels, and whoever keeps it there may have begun.
            Code::DeadlineExceeded => Error::Timeout {
                module: Arc::clone(module),
                outcome: progress.outcome_if_lost(),
            },
            // There is no such method, or a handler says that it does nothing.
            Code::Unimplemented if progress.only_a_status_came() => send(Outcome::Failed),
            _ if method == Method::Message && says_that_it_failed(status.code()) => {
                send(if progress.only_a_status_came() {
                    Outcome::Failed
                } else {
                    progress.outcome_if_lost()
                })
            }
            _ => send(progress.outcome_if_lost()),
        },
    }
}

/// True when the peer does not have the method `Send`: no handler has run. A handler, too, may say `UNIMPLEMENTED`, and
/// is not to run again: so the text counts. Nothing at all is said by tonic and by gRPC for C++ of what they do not have.
pub(crate) fn is_missing_method(status: &Status, progress: &Progress) -> bool {
    status.code() == Code::Unimplemented
        && progress.only_a_status_came()
        && !wire::classified(status.metadata())
        && (status.message().contains("module.ModuleService") || MISSING.contains(&status.message()))
}

/// What implementations of gRPC say of methods that they do not have, or that were left as they were generated, where
/// they do not name the service: tonic and C++; C-core; Python; Go; .NET, twice; tonic again; grpc-js.
const MISSING: [&str; 8] = [
    "",
    "Method not found!",
    "Method not implemented!",
    "method Send not implemented",
    "Method is unimplemented.",
    "Service is unimplemented.",
    "Not yet implemented",
    "The server does not implement the method Send",
];

/// On `Message` errors are statuses, of components and of modules further away too. Of these codes the callee itself says
/// that it failed; the others may hide a call that went on: `RESOURCE_EXHAUSTED` may be the answer's size. Spec: router 2.2.
fn says_that_it_failed(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
    )
}
