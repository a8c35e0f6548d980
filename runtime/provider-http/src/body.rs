//! The bodies of requests: JSON, with errors as ours.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};

use crate::error::Error;

/// A body that was read.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Body(body)),
            Err(rejection) => Err(Error::new(
                rejection.status(),
                "BAD_REQUEST",
                rejection.body_text(),
            )),
        }
    }
}

/// A duration with its unit, such as `"250ms"` or `"2s"`.
pub(crate) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    match humantime::parse_duration(&text) {
        Ok(duration) => Ok(Some(duration)),
        Err(error) => Err(de::Error::custom(format!(
            "{text:?} is no duration ({error}): write it like \"250ms\" or \"2s\""
        ))),
    }
}
