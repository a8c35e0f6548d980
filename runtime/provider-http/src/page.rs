//! Lists in pages: as long as requested, within the limit of a response.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::error::Error;

/// How many items a page has, when nobody says.
pub const PAGE_DEFAULT: usize = 100;
/// How many items a page may have.
pub const PAGE_MAX: usize = 1000;
/// A page ends early behind the item that makes it longer than this, in bytes: items can be large.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// How many items at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// Where the page before has ended: its `next`.
    cursor: Option<String>,
}

impl Page {
    /// How many items at most.
    ///
    /// # Errors
    /// When the caller wants none, or too many.
    pub(crate) fn limit(&self) -> Result<usize, Error> {
        match self.limit.unwrap_or(PAGE_DEFAULT) {
            limit @ 1..=PAGE_MAX => Ok(limit),
            limit => Err(bad(format!("limit is {limit}: it can be from 1 to {PAGE_MAX}"))),
        }
    }

    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

/// The query of a request, with errors as ours.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(rejection) => Err(bad(rejection.body_text())),
        }
    }
}

/// A cursor that no page has ended with.
pub(crate) fn unknown(cursor: &str) -> Error {
    bad(format!(
        "cursor is {cursor:?}: write the `next` of the page before"
    ))
}

fn bad(message: String) -> Error {
    Error::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
}

/// Makes the bodies of the first `limit` items, and tells whether some are left out. `items` has one more, if there
/// are more.
pub(crate) fn bodies<I, B: Serialize>(
    items: Vec<I>,
    limit: usize,
    body: impl Fn(&I) -> B,
) -> (Vec<B>, Option<I>) {
    let all = items.len();
    let (mut bodies, mut last, mut bytes) = (Vec::new(), None, 0);
    for item in items.into_iter().take(limit) {
        let made = body(&item);
        bytes += serde_json::to_vec(&made).map_or(0, |json| json.len());
        bodies.push(made);
        last = Some(item);
        if bytes > PAGE_BYTES {
            break;
        }
    }
    let next = if bodies.len() < all { last } else { None };
    (bodies, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_limit_or_when_it_is_too_long() {
        let of = |items: Vec<usize>, limit| bodies(items, limit, |length| "x".repeat(*length));
        let (all, next) = of(vec![1, 2, 3], 3);
        assert_eq!((all.len(), next), (3, None));
        let (some, next) = of(vec![1, 2, 3], 2);
        assert_eq!((some.len(), next), (2, Some(2)));
        let (some, next) = of(vec![1, PAGE_BYTES, 3, 4], 3);
        assert_eq!((some.len(), next), (2, Some(PAGE_BYTES)));
        assert_eq!(of(vec![], 3), (vec![], None));
    }
}
