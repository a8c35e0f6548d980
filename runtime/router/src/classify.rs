//! The meaning of a failed gRPC call: was the peer lost, and may the request have been handled?
//!
//! The status code alone does not tell. Its sources do ([`Trouble`]), and the call's [`Progress`] records how far the
//! request got. Spec: router H-3, appendix A.

use std::sync::Arc;

use squall_grpc::meaning::{self, Errors};
use squall_grpc::{Progress, Trouble};
use tonic::{Code, Status};

use crate::{Error, Method, Outcome, wire};

/// Converts tonic's status into an error.
pub(crate) fn failure(status: &Status, progress: &Progress, module: &Arc<str>, method: Method) -> Error {
    let unavailable = |cause: String, outcome| Error::Unavailable {
        module: Arc::clone(module),
        cause: cause.into(),
        outcome,
    };
    // One meaning for all protocols: see there.
    let errors = match method {
        Method::Send => Errors::InAnswers,
        Method::Message => Errors::Relayed,
    };
    let outcome = meaning::outcome(status, progress, errors);
    let send = |outcome, handled| Error::Send {
        cause: format!("{:?}: {}", status.code(), status.message()).into(),
        outcome,
        handled,
        in_vain: wire::classified(status.metadata()) && !wire::kind(status.metadata()).may_pass(),
    };
    let may_have_been_sent = progress.outcome_if_lost() == Outcome::Unknown;
    match Trouble::of(status) {
        Some(Trouble::Lost(cause) | Trouble::Refused(cause)) => unavailable(cause, outcome),
        Some(Trouble::Reset) => send(outcome, may_have_been_sent),
        // One of our modules has classified it.
        None if wire::classified(status.metadata()) => match method {
            Method::Send => send(wire::outcome(status.metadata()), wire::handled(status.metadata())),
            Method::Message => wire::remote_error(status.message().to_owned(), status.metadata()),
        },
        None => match status.code() {
            // The error of a Go module's component. Spec: router 2.2.
            Code::Unknown if method == Method::Message && progress.only_a_status_came() => {
                wire::remote_error(status.message().to_owned(), status.metadata())
            }
            Code::Unavailable => unavailable(status.message().to_owned(), outcome),
            // The deadline travels, and the process that enforces it there may have begun.
            Code::DeadlineExceeded => Error::Timeout {
                module: Arc::clone(module),
                outcome,
            },
            // A handler's own error is no reason to run it again, however certain the failure is.
            _ => send(
                outcome,
                may_have_been_sent && !is_missing_method(status, progress),
            ),
        },
    }
}

/// True when the peer does not have the requested method: no handler has run. A handler may also return
/// `UNIMPLEMENTED`, and must not run again: so the text is compared. tonic and gRPC for C++ send no text at all for
/// missing methods.
pub(crate) fn is_missing_method(status: &Status, progress: &Progress) -> bool {
    status.code() == Code::Unimplemented
        && progress.only_a_status_came()
        && !wire::classified(status.metadata())
        && (status.message().contains("module.ModuleService") || MISSING.contains(&status.message()))
}

/// The texts of gRPC implementations for methods that are missing, or left as generated, where they do not name the
/// service: tonic and C++; C-core; Python; Go, twice; .NET, twice; tonic again; grpc-js, twice.
const MISSING: [&str; 10] = [
    "",
    "Method not found!",
    "Method not implemented!",
    "method Send not implemented",
    "method Message not implemented",
    "Method is unimplemented.",
    "Service is unimplemented.",
    "Not yet implemented",
    "The server does not implement the method Send",
    "The server does not implement the method Message",
];
