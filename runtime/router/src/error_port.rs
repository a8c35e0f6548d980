//! Errors as messages: what a component emits on its `error` port, and what that says. Spec: router S-38, 3.8.

use serde_json::{Value, json};

use crate::{ComponentError, Error, Output, Payload};

/// The port for failures, by convention.
pub(crate) const ERROR: &str = "error";
/// The port for successes, by convention.
const SUCCESS: &str = "success";

/// What an error says that does not say what it is.
const UNNAMED: &str = "unspecified error";

/// The text of a payload of an `error` port: its field `error`, when that is a text and not empty; else, and
/// for whatever else a component may emit there, `unspecified error`. Spec: router section 7, test 28.
pub fn error_text(payload: &Payload) -> String {
    match payload.json() {
        Ok(Value::Object(mut fields)) => match fields.remove("error") {
            Some(Value::String(text)) if !text.is_empty() => text,
            _ => UNNAMED.to_owned(),
        },
        _ => UNNAMED.to_owned(),
    }
}

impl Output {
    /// Emits a success on the port `success`, and a failure with the request that led to it on the port
    /// `error`, as `{error, request}`. The result is that of the emission in both cases: a failure that is
    /// emitted is handled. Spec: router S-38.
    ///
    /// # Errors
    /// As [`Output::emit`].
    pub async fn respond<E: Into<ComponentError>>(
        &self,
        result: Result<Payload, E>,
        request: &Payload,
    ) -> Result<Option<Payload>, Error> {
        match result {
            Ok(value) => self.emit(SUCCESS, value).await,
            Err(error) => {
                let error: ComponentError = error.into();
                let said = json!({ "error": error.message(), "request": readable(request) });
                self.emit(ERROR, said).await
            }
        }
    }

    /// Emits a failure on the port `error` as `{context, error, retryable}`, the form that flows catch.
    /// What is not marked is not retryable. Spec: router 3.8.
    ///
    /// # Errors
    /// As [`Output::emit`].
    pub async fn fail(
        &self,
        error: impl Into<ComponentError>,
        context: &Payload,
    ) -> Result<Option<Payload>, Error> {
        let error: ComponentError = error.into();
        let message = error.message().to_owned();
        let retryable = Error::from(error).retryable() == Some(true);
        let said = json!({ "context": readable(context), "error": message, "retryable": retryable });
        self.emit(ERROR, said).await
    }
}

/// What is not JSON cannot be part of it.
fn readable(payload: &Payload) -> Value {
    payload.json().unwrap_or(Value::Null)
}
