//! Errors as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use squall_engine::pipeline::{Errors, RunError};
use squall_engine::{CallError, Code, Outcome};
use utoipa::ToSchema;

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    detail: Detail,
}

/// What the body of an error holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: Detail,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// What kind of trouble, for machines: `MODULE_NOT_FOUND`.
    code: &'static str,
    /// What is wrong, for people.
    message: String,
    /// Of a call: whether it may have happened (`unknown`) or certainly did not (`failed`).
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Of a program: every mistake and its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProgramProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgramProblem {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    message: String,
    /// What may mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Error {
    /// An error of the request itself.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let detail = Detail {
            code,
            message: message.into(),
            outcome: None,
            problems: Vec::new(),
        };
        Error { status, detail }
    }

    /// Of a call, or of a pipeline's run.
    fn of_a_call(code: Code, message: String, outcome: Outcome) -> Self {
        let mut error = Error::new(status(code, outcome), code.as_str(), message);
        error.detail.outcome = Some(match outcome {
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        });
        error
    }
}

/// Whose fault it is decides: the caller's are 4xx, the provider's 502, and nobody's 503 and 504.
fn status(code: Code, outcome: Outcome) -> StatusCode {
    match code {
        // It was called, so the caller's request is not at fault.
        Code::TypeError if outcome == Outcome::Unknown => StatusCode::BAD_GATEWAY,
        Code::TypeError | Code::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        Code::ModuleNotFound => StatusCode::NOT_FOUND,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Error::of_a_call(error.code, error.message.to_string(), error.outcome)
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        Error::of_a_call(error.code(), error.to_string(), error.outcome())
    }
}

impl From<Errors> for Error {
    fn from(errors: Errors) -> Self {
        let mut error = Error::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "PIPELINE_ERROR",
            errors.to_string(),
        );
        let problem = |problem: &squall_engine::pipeline::Problem| {
            let place = errors.place(problem);
            ProgramProblem {
                line: place.line,
                column: place.column,
                message: problem.mistake.to_string(),
                help: problem.mistake.help(),
            }
        };
        error.detail.problems = errors.problems().iter().map(problem).collect();
        error
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorBody { error: self.detail })).into_response()
    }
}
