//! Messages and responses as bytes, one codec for each method. Spec: router 2.1 to 2.4, S-22 to S-27.
//!
//! | item | on `Send` | on `Message` |
//! |---|---|---|
//! | depth, content type, edge, other metadata | metadata map | gRPC headers; the edge is a field |
//! | trace | metadata map, else the header `traceparent` | the header `traceparent` |
//! | remaining time | `x-timeout-us` in the metadata map, and the header `grpc-timeout` | the header `grpc-timeout` |
//! | an error | in-band, status OK | a gRPC status |
//! | the kind of an error | trailers `x-error-*`, beside the status | the same |
//!
//! A response that consists of a status only is all trailers. Error details in the headers before a response are read
//! as well, unless the trailers contradict them.
//!
//! Only the method's path decides which codec reads a request: the bytes of one decode as the other's with swapped
//! meaning. Both produce the same [`crate::Message`], and neither panics on any input.

mod error;
mod headers;
pub(crate) mod message;
pub(crate) mod send;

use tonic::metadata::MetadataMap;

use crate::{ContentType, Error, Outcome, Payload};
pub(crate) use error::{Raised, classified, describe, handled, kind, outcome, remote_error};
pub(crate) use squall_grpc::set_timeout;

/// A method of `module.ModuleService`. Spec: router 2.1 to 2.3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// The documented method, which our own modules use among themselves. A peer that does not have it is called by
    /// `Message` for the rest of the connection's life.
    #[default]
    Send,
    /// The method of deployed Go modules. Carries JSON only.
    Message,
}

impl Method {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Method::Send => "/module.ModuleService/Send",
            Method::Message => "/module.ModuleService/Message",
        }
    }
}

/// A response, with its trailers.
pub(crate) struct Reply<A> {
    pub(crate) answer: tonic::Response<A>,
    pub(crate) trailers: MetadataMap,
}

impl<A> From<tonic::Response<A>> for Reply<A> {
    fn from(answer: tonic::Response<A>) -> Self {
        Reply {
            answer,
            trailers: MetadataMap::new(),
        }
    }
}

/// Names that both methods use, in metadata or in headers.
const TRACEPARENT: &str = "traceparent";
const DEPTH: &str = "x-message-depth";
/// A response has no metadata map, and gRPC owns the header `content-type`.
const DATA_CONTENT_TYPE: &str = "x-content-type";

/// Refuses messages that the peer would refuse, before they are sent. Spec: router 5.2.
pub(crate) fn check_size(request: &impl prost::Message, limit: usize) -> Result<(), Error> {
    match request.encoded_len() {
        len if len > limit => Err(Error::serialization(format_args!(
            "a message of {len} bytes exceeds the limit of {limit} bytes"
        ))),
        _ => Ok(()),
    }
}

/// Refuses data that does not match its declared type, before a component sees it. Spec: router S-23.
pub(crate) fn check_data(data: &Payload) -> Result<(), Error> {
    if data.content_type() == ContentType::Json && !data.is_empty() {
        serde_json::from_slice::<serde::de::IgnoredAny>(data.bytes()).map_err(Error::serialization)?;
    }
    Ok(())
}

fn number<T: std::str::FromStr>(text: Option<String>, key: &str) -> Result<Option<T>, Error> {
    text.map(|text| text.parse().map_err(|_| malformed(key, &text)))
        .transpose()
}

/// Repeats no more of a hostile value than is needed to find its origin.
fn malformed(key: &str, value: &str) -> Error {
    let value = error::clipped(value, 64);
    Error::serialization(format_args!("the metadata {key:?} cannot be read: {value:?}"))
}

/// A response that is too large or of an unknown kind: the component has done its work.
fn unusable_answer(error: Error) -> Error {
    match error {
        Error::Serialization { cause, .. } => Error::Serialization {
            cause,
            outcome: Outcome::Unknown,
        },
        error => error,
    }
}

/// The data of a response; `None` for no value.
fn answered(data: bytes::Bytes, metadata: &MetadataMap) -> Result<Option<Payload>, Error> {
    if data.is_empty() {
        return Ok(None);
    }
    let content_type = match headers::text(metadata, &headers::X_CONTENT_TYPE) {
        None => ContentType::Json,
        Some(it) => ContentType::parse(it).ok_or_else(|| Error::Serialization {
            cause: format!("the answer's content type is unknown: {it:?}").into(),
            outcome: Outcome::Unknown,
        })?,
    };
    Ok(Some(Payload::new(data, content_type)))
}

#[cfg(test)]
mod tests;
