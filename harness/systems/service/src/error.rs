//! How a client's call failed, and whether it may have happened.

use std::error::Error;
use std::fmt;

use squall_core::calls::all_error_classes;
use squall_core::journal::Outcome;
use tonic::{Code, ConnectError, Status};

/// The error of a client's call, returned by the client's function.
///
/// A [`tonic::Status`] becomes one by `?`. Then its outcome follows from the status:
///
/// | the status | outcome |
/// |---|---|
/// | connection not established | failed |
/// | transport failed afterwards: reset, closed, timed out | unknown |
/// | DEADLINE_EXCEEDED or CANCELLED from the server | unknown |
/// | any other code from the server | failed: the server says so |
///
/// `Endpoint::connect` has an error type of its own, before any call is made:
/// `.map_err(|error| CallError::failed("unavailable", error.to_string()))?`.
///
/// A client that knows more (for example, that an operation was rolled back) constructs one itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    outcome: Outcome,
    class: &'static str,
    message: String,
}

impl CallError {
    /// It certainly did not happen, or the callee reported a failure. `class` is the name for expectations: a gRPC code
    /// in lower case ("not_found"), or "error". Any other class becomes part of the message, and counts as "error".
    pub fn failed(class: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let (class, message) = match all_error_classes().find(|known| *known == class) {
            Some(known) => (known, message),
            None => ("error", format!("{class}: {message}")),
        };
        CallError {
            outcome: Outcome::Failed,
            class,
            message,
        }
    }

    /// It may have happened. `class` as for [`CallError::failed`].
    pub fn unknown(class: &str, message: impl Into<String>) -> Self {
        CallError {
            outcome: Outcome::Unknown,
            ..CallError::failed(class, message)
        }
    }

    /// Whether it may have happened.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Its name for expectations.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.class
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CallError {}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let was_said = status.source().is_none();
        let may_have_happened = match was_said {
            true => matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
            false => !is_connect(&status),
        };
        CallError {
            outcome: match may_have_happened {
                true => Outcome::Unknown,
                false => Outcome::Failed,
            },
            class: class(status.code()),
            message: said(&status),
        }
    }
}

/// An error without a class: the client gave up before it made a call, or after the response.
impl From<String> for CallError {
    fn from(message: String) -> Self {
        CallError::failed("error", message)
    }
}

impl From<&str> for CallError {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

fn is_connect(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

/// The status and its sources, without repetitions.
fn said(status: &Status) -> String {
    let mut said = match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    };
    for cause in causes(status) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            said.push_str(": ");
            said.push_str(&cause);
        }
    }
    said
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |&cause| cause.source())
}

/// The code's name for expectations.
fn class(code: Code) -> &'static str {
    match code {
        Code::Ok => "error",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caused(code: Code, cause: impl Into<Box<dyn Error + Send + Sync>>) -> CallError {
        let mut status = Status::new(code, "the transport failed");
        status.set_source(std::sync::Arc::from(cause.into()));
        status.into()
    }

    #[test]
    fn what_the_server_said_failed_and_what_was_cut_off_is_unknown() {
        let said = |code| CallError::from(Status::new(code, "no")).outcome();
        assert_eq!(said(Code::NotFound), Outcome::Failed);
        assert_eq!(said(Code::Unavailable), Outcome::Failed);
        assert_eq!(said(Code::DeadlineExceeded), Outcome::Unknown);
        assert_eq!(said(Code::Cancelled), Outcome::Unknown);
        assert_eq!(caused(Code::Unavailable, "reset").outcome(), Outcome::Unknown);
        let never_made = ConnectError("refused".into());
        assert_eq!(caused(Code::Unavailable, never_made).outcome(), Outcome::Failed);
    }

    #[test]
    fn every_code_has_a_class_that_expectations_can_name() {
        for code in 0..17 {
            let class = class(Code::from(code));
            assert!(all_error_classes().any(|known| known == class), "{class}");
        }
    }

    #[test]
    fn a_class_that_nobody_can_name_is_part_of_the_message() {
        let error = CallError::failed("no money", "of 7");
        assert_eq!(
            (error.class(), error.to_string().as_str()),
            ("error", "no money: of 7")
        );
    }

    #[test]
    fn the_cause_is_said_once() {
        assert_eq!(
            caused(Code::Unavailable, "reset").to_string(),
            "the transport failed: reset"
        );
        assert_eq!(
            caused(Code::Unavailable, "failed").to_string(),
            "the transport failed"
        );
        assert_eq!(
            CallError::from(Status::not_found("")).to_string(),
            Code::NotFound.description()
        );
    }
}
