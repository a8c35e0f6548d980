//! The JSON bodies of requests, and path parameters, with errors in our format.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};
use tokio::time::timeout;

use crate::error::Error;
use crate::routes::{BODY_BYTES_MAX, Shared};

/// The time limit for receiving a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of body bytes in transit. Further bodies are refused, except for small ones, so that a slow
/// peer with large bodies does not block others.
pub const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The maximum size of a small body.
const SMALL: usize = 64 * 1024;

/// The memory budget for bodies in transit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<AtomicUsize>);

/// A part of it, until this is dropped.
struct Taken(Room, usize);

impl Room {
    /// Reserves the declared size of the request's body; without one, the maximum size.
    fn take(&self, request: &Request) -> Option<Taken> {
        let said = request.headers().get(CONTENT_LENGTH);
        let said = said.and_then(|it| it.to_str().ok()?.parse().ok());
        let bytes = match said.unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX) {
            ..=SMALL => 0,
            bytes => bytes,
        };
        let more = |taken: usize| Some(taken + bytes).filter(|it| *it <= BODIES_BYTES_MAX);
        let taken = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        taken.ok().map(|_| Taken(self.clone(), bytes))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

/// The name in the path.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Named(name)),
            Err(rejection) => Err(Error::new(
                rejection.status(),
                "BAD_REQUEST",
                rejection.body_text(),
            )),
        }
    }
}

/// A JSON object. Otherwise an array would be accepted: derived code also takes the fields of a structure in their
/// order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object, such as {\"name\": \"value\"}")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Object)
            }
        }

        from.deserialize_map(Visitor(PhantomData))
    }
}

/// Refuses a body at once if its declared size is too large: it need not be received.
fn check_length(request: &Request) -> Result<(), Error> {
    let said = request.headers().get(CONTENT_LENGTH);
    let said = said.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    match said.filter(|bytes| *bytes > BODY_BYTES_MAX as u64) {
        Some(bytes) => Err(too_large(format_args!("a body of {bytes} bytes"))),
        None => Ok(()),
    }
}

fn too_large(what: impl Display) -> Error {
    let message = format!("{what} is too large: the limit is {BODY_BYTES_MAX} bytes");
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST", message)
}

/// A received body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Error> {
        check_length(&request)?;
        let Some(_taken) = state.bodies.take(&request) else {
            let message = format!("bodies of {BODIES_BYTES_MAX} bytes are on their way: try again later");
            return Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED", message));
        };
        let Ok(read) = timeout(BODY_TIMEOUT, Json::from_request(request, state)).await else {
            let message = format!("the body did not come within {BODY_TIMEOUT:?}");
            return Err(Error::new(StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", message));
        };
        match read {
            Ok(Json(Object(body))) => Ok(Body(body)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large("the body"))
            }
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
