//! Failures of executions, and their reports to the caller. Spec: provider 3.5.

use std::error::Error as StdError;
use std::fmt;

use squall_proto::provider::ExecutionError;

/// The maximum number of lines for a cause, as in the existing SDKs.
const STACK_LINES_MAX: usize = 10;

/// The error of a handler. Its caller gets the message, with the code `RUNTIME_ERROR`.
///
/// Made from a text, or from another error with [`HandlerError::caused_by`].
#[derive(Debug)]
pub struct HandlerError {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl HandlerError {
    /// A failure, described for the caller.
    pub fn new(message: impl Into<String>) -> Self {
        HandlerError {
            message: message.into(),
            source: None,
        }
    }

    /// A failure with the text of its cause. The caller gets the causes behind it as the stack trace.
    pub fn caused_by(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        HandlerError {
            message: cause.to_string(),
            source: Some(cause),
        }
    }

    /// The description, without any prefix.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for HandlerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text of the cause itself is the message: the stack trace begins with its own cause.
        self.source.as_ref().and_then(|cause| cause.source())
    }
}

impl From<String> for HandlerError {
    fn from(message: String) -> Self {
        HandlerError::new(message)
    }
}

impl From<&str> for HandlerError {
    fn from(message: &str) -> Self {
        HandlerError::new(message)
    }
}

/// Why an execution has no output. The texts are those of the existing SDKs. Spec: provider 3.5.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("Module not found: {0}")]
    NotFound(String),
    #[error("Failed to deserialize input: {0}")]
    Input(String),
    #[error("{0}")]
    Handler(#[source] HandlerError),
    #[error("the handler panicked: {0}")]
    Panic(String),
    #[error("Failed to serialize output: {0}")]
    Output(String),
    #[error("the deadline of the call has passed, and the handler was stopped")]
    Overdue,
    #[error("the deadline of the call had passed before it could begin")]
    TooLate,
}

impl Failure {
    /// The protocol's code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::NotFound(_) => "MODULE_NOT_FOUND",
            Failure::Input(_) => "TYPE_ERROR",
            Failure::Handler(_) | Failure::Panic(_) | Failure::Output(_) => "RUNTIME_ERROR",
            Failure::Overdue | Failure::TooLate => "TIMEOUT",
        }
    }

    pub(crate) fn to_wire(&self) -> ExecutionError {
        ExecutionError {
            code: self.code().to_owned(),
            message: self.to_string(),
            stack_trace: self.stack(),
        }
    }

    /// The causes behind a handler's error: Rust's errors carry these rather than a stack.
    fn stack(&self) -> String {
        let Failure::Handler(error) = self else {
            return String::new();
        };
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let lines: Vec<_> = causes
            .take(STACK_LINES_MAX)
            .map(|cause| format!("caused by: {cause}"))
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("level {level}")]
    struct Nested {
        level: usize,
        #[source]
        cause: Option<Box<Nested>>,
    }

    fn nested(levels: usize) -> Nested {
        (0..levels).fold(
            Nested {
                level: 0,
                cause: None,
            },
            |cause, level| Nested {
                level: level + 1,
                cause: Some(Box::new(cause)),
            },
        )
    }

    #[test]
    fn a_cause_is_told_with_at_most_ten_lines_of_what_is_behind_it() {
        let told = Failure::Handler(HandlerError::caused_by(nested(20))).to_wire();
        assert_eq!((&*told.code, &*told.message), ("RUNTIME_ERROR", "level 20"));
        let lines: Vec<_> = told.stack_trace.lines().collect();
        assert_eq!((lines.len(), lines[0]), (10, "caused by: level 19"));
    }

    #[test]
    fn an_error_without_a_text_is_one_all_the_same() {
        let told = Failure::Handler("".into()).to_wire();
        assert_eq!((&*told.message, &*told.stack_trace), ("", ""));
    }
}
