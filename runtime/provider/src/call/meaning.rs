//! The meaning of a gRPC status, and of a provider's response.

use bytes::Bytes;
use squall_engine::{CallError, Code};
use squall_grpc::meaning::{self, Errors};
use squall_grpc::{Outcome, Progress, Trouble};
use squall_proto::provider::execute_response::Result as Executed;
use squall_proto::provider::{ExecuteResponse, ExecutionError};
use tonic::Status;

use super::attempt::Failure;

/// The output in a response, as JSON.
///
/// # Errors
/// The error that the provider reports. Spec: provider 2.12, steps 6 and 7.
pub(super) fn of_answer(short_name: &str, answer: ExecuteResponse) -> Result<Bytes, CallError> {
    match answer.result {
        Some(Executed::OutputData(json)) => Ok(json),
        Some(Executed::Error(ExecutionError { code, message, .. })) => {
            let text = format!("External module '{short_name}' failed: [{code}] {message}");
            Err(match of_error_code(&code) {
                // Wherever the call was given up there, the handler had begun, or may continue.
                Code::Timeout => CallError::unknown(Code::Timeout, text),
                code => CallError::failed(code, text),
            })
        }
        None => Err(CallError::unknown(
            Code::Protocol,
            format!("External module '{short_name}' returned empty response"),
        )),
    }
}

fn of_error_code(code: &str) -> Code {
    match code {
        "TYPE_ERROR" => Code::TypeError,
        "TIMEOUT" => Code::Timeout,
        "MODULE_NOT_FOUND" => Code::ModuleNotFound,
        // This includes any code of the provider's own.
        _ => Code::RuntimeError,
    }
}

/// The meaning of a status without a response. Whether the call may have happened is decided in one place for all
/// protocols: see [`squall_grpc::meaning`]. Spec: provider 2.12, step 8.
///
/// | origin | codes | result |
/// |---|---|---|
/// | none: the connection broke | any | `UNAVAILABLE` |
/// | the member | `UNAVAILABLE`, `RESOURCE_EXHAUSTED` | `UNAVAILABLE` |
/// | | `DEADLINE_EXCEEDED` | `TIMEOUT` |
/// | | `CANCELLED` | `CANCELLED` |
/// | | `NOT_FOUND` | `MODULE_NOT_FOUND` |
/// | | `INVALID_ARGUMENT` | `TYPE_ERROR` |
/// | | `UNIMPLEMENTED`: it is not an executor | `PROTOCOL_ERROR` |
/// | | any other | `RUNTIME_ERROR` |
/// | none: its response is invalid | `INTERNAL`, `OUT_OF_RANGE`, `RESOURCE_EXHAUSTED`, `UNIMPLEMENTED` | `PROTOCOL_ERROR` |
pub(super) fn of_status(status: &Status, progress: &Progress) -> Failure {
    let text = format!("{}: {}", name(status.code()), status.message());
    let trouble = Trouble::of(status);
    let outcome = meaning::outcome(status, progress, Errors::Own);
    let is_refused = matches!(trouble, Some(Trouble::Refused(_)));
    if is_refused || progress.outcome_if_lost() == Outcome::Failed {
        return Failure::NotSent(CallError::failed(Code::Unavailable, text));
    }
    let is_readable = progress.only_a_status_came() || !meaning::is_about_answers(status.code());
    let code = match trouble {
        Some(_) => Code::Unavailable,
        None if is_readable => of_code(status.code()),
        None => Code::Protocol,
    };
    Failure::Final(match outcome {
        Outcome::Failed => CallError::failed(code, text),
        Outcome::Unknown => CallError::unknown(code, text),
    })
}

/// What a status tells about the member itself.
pub(super) enum Sign {
    /// It is reachable, and answers.
    Answer,
    /// No connection to it is possible.
    Unreachable,
}

/// `None` if the connection broke: the next call will find out.
pub(super) fn of_member(status: &Status, progress: &Progress) -> Option<Sign> {
    match (Trouble::of(status), progress.outcome_if_lost()) {
        (Some(_), _) => None,
        (None, Outcome::Failed) => Some(Sign::Unreachable),
        (None, Outcome::Unknown) => Some(Sign::Answer),
    }
}

fn of_code(code: tonic::Code) -> Code {
    use tonic::Code as Grpc;
    match code {
        Grpc::Unavailable | Grpc::ResourceExhausted => Code::Unavailable,
        Grpc::DeadlineExceeded => Code::Timeout,
        Grpc::Cancelled => Code::Cancelled,
        Grpc::NotFound => Code::ModuleNotFound,
        Grpc::InvalidArgument => Code::TypeError,
        Grpc::Unimplemented => Code::Protocol,
        _ => Code::RuntimeError,
    }
}

/// The name of a code in gRPC.
fn name(code: tonic::Code) -> &'static str {
    use tonic::Code as Grpc;
    match code {
        Grpc::Ok => "OK",
        Grpc::Cancelled => "CANCELLED",
        Grpc::Unknown => "UNKNOWN",
        Grpc::InvalidArgument => "INVALID_ARGUMENT",
        Grpc::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Grpc::NotFound => "NOT_FOUND",
        Grpc::AlreadyExists => "ALREADY_EXISTS",
        Grpc::PermissionDenied => "PERMISSION_DENIED",
        Grpc::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Grpc::FailedPrecondition => "FAILED_PRECONDITION",
        Grpc::Aborted => "ABORTED",
        Grpc::OutOfRange => "OUT_OF_RANGE",
        Grpc::Unimplemented => "UNIMPLEMENTED",
        Grpc::Internal => "INTERNAL",
        Grpc::Unavailable => "UNAVAILABLE",
        Grpc::DataLoss => "DATA_LOSS",
        Grpc::Unauthenticated => "UNAUTHENTICATED",
    }
}
