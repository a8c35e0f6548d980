//! Errors as messages: the emissions of a component on its `error` port, and their text. Spec: router S-38, 3.8.

use serde_json::{Value, json};

use crate::{ComponentError, Error, Output, Payload};

/// The port for failures, by convention.
pub(crate) const ERROR: &str = "error";
/// The port for successes, by convention.
const SUCCESS: &str = "success";

/// The text of an error without a text.
const UNNAMED: &str = "unspecified error";

/// The text of a payload of an `error` port: its field `error`, if that is a non-empty text; otherwise, and for all
/// other payloads, `unspecified error`. Spec: router section 7, test 28.
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

    /// Emits a failure on the port `error` as `{context, error, retryable}`, the form that flows catch. An error
    /// without a mark is not retryable. Spec: router 3.8.
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

/// Data that is not JSON cannot be part of the error.
fn readable(payload: &Payload) -> Value {
    payload.json().unwrap_or(Value::Null)
}
