//! Errors that components return.

use std::fmt::{self, Display};

use super::Error;

/// What a component returns when it fails.
///
/// Made from a text, or from the [`Error`] of a message that it emitted.
#[derive(Debug, Clone)]
pub struct ComponentError {
    message: String,
    pub(super) code: Option<String>,
    pub(super) retryable: Option<bool>,
    pub(super) source: Option<Error>,
}

impl ComponentError {
    /// A failure, described for the caller.
    pub fn new(message: impl Into<String>) -> Self {
        ComponentError {
            message: message.into(),
            code: None,
            retryable: None,
            source: None,
        }
    }

    /// Adds a stable code for decisions of callers.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets whether a retry may help. Without it the error is not retried.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = Some(retryable);
        self
    }

    /// The description, without any prefix.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ComponentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<String> for ComponentError {
    fn from(message: String) -> Self {
        ComponentError::new(message)
    }
}

impl From<&str> for ComponentError {
    fn from(message: &str) -> Self {
        ComponentError::new(message)
    }
}

/// Passes on the error of an emitted message, without its prefix, so that prefixes do not pile up. Spec: router
/// section 7, test 3.
impl From<Error> for ComponentError {
    fn from(source: Error) -> Self {
        ComponentError {
            message: source.message(),
            code: None,
            retryable: None,
            source: Some(source),
        }
    }
}

impl From<ComponentError> for Error {
    /// An error that was only passed on keeps its kind.
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError {
                code: None,
                retryable: None,
                source: Some(source),
                ..
            } => source,
            error => Error::Component(Box::new(error)),
        }
    }
}
