//! The classification of an error, beside its text. Spec: router 2.4.

use std::borrow::Cow;

use tonic::metadata::MetadataMap;

use super::headers::text;
use crate::{Error, Kind, Outcome, RemoteError};

const ERROR_KIND: &str = "x-error-kind";
const ERROR_ORIGIN: &str = "x-error-origin";
const ERROR_CODE: &str = "x-error-code";
const ERROR_RETRYABLE: &str = "x-error-retryable";
const ERROR_OUTCOME: &str = "x-error-outcome";
/// `false` when certainly no component has begun with the message; otherwise absent.
const ERROR_HANDLED: &str = "x-error-handled";

/// Replaces an empty error text, which would read as success.
const UNNAMED: &str = "unspecified error";
/// The longest value of one of these trailers. A peer reads 16 KiB of headers in all.
const VALUE_BYTES_MAX: usize = 256;

/// An error on its way to the caller.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) error: Error,
    /// Whether a component may have begun with the message.
    pub(crate) handled: bool,
}

impl Raised {
    /// An error from before any component began.
    pub(crate) fn unhandled(error: Error) -> Self {
        Raised {
            error,
            handled: false,
        }
    }
}

impl From<Error> for Raised {
    fn from(error: Error) -> Self {
        Raised { error, handled: true }
    }
}

/// The text to send, at most `limit` bytes of it.
pub(super) fn crossing(error: &Error, limit: usize) -> String {
    let text = match error {
        // Only the cause. Spec: router S-23.
        Error::Serialization {
            cause,
            outcome: Outcome::Failed,
        } => Cow::Borrowed(&**cause),
        error => Cow::Owned(error.message()),
    };
    match &*text {
        "" => UNNAMED.to_owned(),
        text => clipped(text, limit).into_owned(),
    }
}

/// The text, cut at a character boundary and marked as cut if it is longer than `limit` bytes.
pub(super) fn clipped(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(limit);
    Cow::Owned(format!("{}... ({} bytes in all)", &text[..end], text.len()))
}

/// Writes the classification of `error` into trailers. `module` raised it, unless the error names another one.
pub(crate) fn describe(Raised { error, handled }: &Raised, module: &str, metadata: &mut MetadataMap) {
    insert(metadata, ERROR_KIND, error.kind().as_str());
    insert(metadata, ERROR_ORIGIN, error.origin().unwrap_or(module));
    insert(metadata, ERROR_OUTCOME, error.outcome().as_str());
    if !handled {
        insert(metadata, ERROR_HANDLED, "false");
    }
    if let Some(code) = error.code() {
        insert(metadata, ERROR_CODE, code);
    }
    if let Some(retryable) = error.retryable() {
        insert(
            metadata,
            ERROR_RETRYABLE,
            if retryable { "true" } else { "false" },
        );
    }
}

/// Header values are short and ASCII. Other values are left out: the text of the error has them.
pub(super) fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if value.len() <= VALUE_BYTES_MAX
        && let Ok(value) = value.parse()
    {
        metadata.insert(key, value);
    }
}

/// True when a peer of ours has sent the kind of the error.
pub(crate) fn classified(metadata: &MetadataMap) -> bool {
    metadata.contains_key(ERROR_KIND)
}

/// The error with this text and the classification in headers or trailers.
pub(crate) fn remote_error(message: String, metadata: &MetadataMap) -> Error {
    Error::Remote(Box::new(RemoteError {
        message,
        kind: kind(metadata),
        origin: text(metadata, ERROR_ORIGIN).unwrap_or_default().to_owned(),
        code: text(metadata, ERROR_CODE).map(str::to_owned),
        retryable: text(metadata, ERROR_RETRYABLE).and_then(|it| it.parse().ok()),
        outcome: outcome(metadata),
        handled: handled(metadata),
    }))
}

/// The kind of the error: a component's, if none is given.
pub(crate) fn kind(metadata: &MetadataMap) -> Kind {
    text(metadata, ERROR_KIND).map_or(Kind::Component, Kind::parse)
}

/// Whether a component of the peer may have begun with the message.
pub(crate) fn handled(metadata: &MetadataMap) -> bool {
    text(metadata, ERROR_HANDLED) != Some("false")
}

/// Whether the peer knows that it did not happen.
pub(crate) fn outcome(metadata: &MetadataMap) -> Outcome {
    match text(metadata, ERROR_OUTCOME) {
        Some("unknown") => Outcome::Unknown,
        _ => Outcome::Failed,
    }
}
