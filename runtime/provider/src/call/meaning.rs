//! What a gRPC status, and what a provider's answer means.

use bytes::Bytes;
use squall_engine::{CallError, Code};
use squall_grpc::{Outcome, Progress, Trouble};
use squall_proto::provider::execute_response::Result as Executed;
use squall_proto::provider::{ExecuteResponse, ExecutionError};
use tonic::Status;

use super::attempt::Failure;

/// The output in an answer, as JSON.
///
/// # Errors
/// What the provider says went wrong. Spec: provider 2.12, steps 6 and 7.
pub(super) fn of_answer(short_name: &str, answer: ExecuteResponse) -> Result<Bytes, CallError> {
    match answer.result {
        Some(Executed::OutputData(json)) => Ok(json),
        Some(Executed::Error(ExecutionError { code, message, .. })) => {
            let text = format!("External module '{short_name}' failed: [{code}] {message}");
            Err(CallError::failed(of_error_code(&code), text))
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
        // And whatever codes providers may come up with.
        _ => Code::RuntimeError,
    }
}

/// What a status means that is no answer, and whether the request can have got anywhere. Spec: provider 2.12, step 8.
///
/// | who says it | codes | means |
/// |---|---|---|
/// | nobody: the connection | any | `UNAVAILABLE` |
/// | the member | `UNAVAILABLE`, `RESOURCE_EXHAUSTED` | `UNAVAILABLE` |
/// | | `DEADLINE_EXCEEDED` | `TIMEOUT` |
/// | | `CANCELLED` | `CANCELLED` |
/// | | `NOT_FOUND` | `MODULE_NOT_FOUND` |
/// | | `INVALID_ARGUMENT` | `TYPE_ERROR` |
/// | | `UNIMPLEMENTED`: it is no executor | `PROTOCOL_ERROR` |
/// | | any other | `RUNTIME_ERROR` |
/// | nobody: its answer makes no sense | `INTERNAL`, `OUT_OF_RANGE`, `UNIMPLEMENTED` | `PROTOCOL_ERROR` |
pub(super) fn of_status(status: &Status, progress: &Progress) -> Failure {
    let text = format!("{}: {}", name(status.code()), status.message());
    match (Trouble::of(status), progress.outcome_if_lost()) {
        (Some(Trouble::Refused(_)), _) | (_, Outcome::Failed) => {
            Failure::NotSent(CallError::failed(Code::Unavailable, text))
        }
        (Some(_), Outcome::Unknown) => Failure::Final(CallError::unknown(Code::Unavailable, text)),
        (None, Outcome::Unknown) if !progress.only_a_status_came() && makes_no_sense(status.code()) => {
            Failure::Final(CallError::unknown(Code::Protocol, text))
        }
        (None, Outcome::Unknown) => Failure::Final(of_code(status.code(), text)),
    }
}

/// Whether a status that came with more than itself is our own, about an answer that cannot be read: empty, too
/// large, compressed, no gRPC at all.
fn makes_no_sense(code: tonic::Code) -> bool {
    use tonic::Code as Grpc;
    matches!(code, Grpc::Internal | Grpc::OutOfRange | Grpc::Unimplemented)
}

fn of_code(code: tonic::Code, text: String) -> CallError {
    use tonic::Code as Grpc;
    match code {
        Grpc::Unavailable | Grpc::ResourceExhausted => CallError::failed(Code::Unavailable, text),
        // Whatever gave up there, the handler may go on.
        Grpc::DeadlineExceeded => CallError::unknown(Code::Timeout, text),
        Grpc::Cancelled => CallError::unknown(Code::Cancelled, text),
        Grpc::NotFound => CallError::failed(Code::ModuleNotFound, text),
        Grpc::InvalidArgument => CallError::failed(Code::TypeError, text),
        Grpc::Unimplemented => CallError::failed(Code::Protocol, text),
        _ => CallError::failed(Code::RuntimeError, text),
    }
}

/// The name of a code, as gRPC spells it.
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
