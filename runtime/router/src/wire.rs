//! The protobuf messages and the metadata keys. Spec: router 2.2 to 2.4, S-22 to S-27.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;
use squall_proto::module as proto;
use tonic::metadata::MetadataMap;

use crate::{
    ContentType, Context, Error, Kind, Message, Outcome, Payload, RemoteError, TraceContext, keys, trace,
};

/// Keys of a request's metadata map.
const TRACEPARENT: &str = "traceparent";
const DEPTH: &str = "x-message-depth";
const CONTENT_TYPE: &str = "content-type";
/// What is left of the caller's time, in microseconds. Clocks of two machines differ; durations do not.
const TIMEOUT: &str = "x-timeout-us";

/// Headers of a response.
const ERROR_KIND: &str = "x-error-kind";
const ERROR_ORIGIN: &str = "x-error-origin";
const ERROR_CODE: &str = "x-error-code";
const ERROR_RETRYABLE: &str = "x-error-retryable";
const ERROR_OUTCOME: &str = "x-error-outcome";
/// A response has no metadata map, and gRPC owns the header `content-type`.
const DATA_CONTENT_TYPE: &str = "x-content-type";

/// What an error without a text is called: an empty one would read as success.
const UNNAMED: &str = "unspecified error";

/// A message as it crosses to another module.
pub(crate) fn request(message: &Message, trace: TraceContext, remaining: Duration) -> proto::Message {
    let context = &message.context;
    let mut metadata = context.metadata.as_deref().cloned().unwrap_or_default();
    // Rounded up: the callee must not give up before the caller does.
    let micros = remaining.as_nanos().div_ceil(1000);
    metadata.insert(TIMEOUT.to_owned(), micros.to_string());
    metadata.insert(TRACEPARENT.to_owned(), trace.traceparent());
    if context.depth > 0 {
        metadata.insert(DEPTH.to_owned(), context.depth.to_string());
    }
    keys::write(context, &mut metadata);
    if message.data.content_type() != ContentType::Json {
        metadata.insert(
            CONTENT_TYPE.to_owned(),
            message.data.content_type().as_str().to_owned(),
        );
    }
    proto::Message {
        to: (*message.to).to_owned(),
        from: (*message.from).to_owned(),
        data: message.data.bytes().clone(),
        metadata,
    }
}

/// Refuses what the peer would refuse, before it is sent. Spec: router 5.2.
pub(crate) fn check_size(request: &impl prost::Message, limit: usize) -> Result<(), Error> {
    match request.encoded_len() {
        len if len > limit => Err(Error::serialization(format_args!(
            "a message of {len} bytes exceeds the limit of {limit} bytes"
        ))),
        _ => Ok(()),
    }
}

/// A message as it came from another module.
///
/// # Errors
/// [`Error::Serialization`] when its data or metadata cannot be read. Spec: router S-23, W-19.
pub(crate) fn message<P: Platform>(request: proto::Message, platform: &P) -> Result<Message, Error> {
    let proto::Message {
        to,
        from,
        data,
        mut metadata,
    } = request;
    let content_type = match metadata.remove(CONTENT_TYPE) {
        None => ContentType::Json,
        Some(it) => ContentType::parse(&it).ok_or_else(|| malformed(CONTENT_TYPE, &it))?,
    };
    if content_type == ContentType::Json && !data.is_empty() {
        serde_json::from_slice::<serde::de::IgnoredAny>(&data).map_err(Error::serialization)?;
    }
    let timeout = number::<u64>(metadata.remove(TIMEOUT), TIMEOUT)?;
    let depth = number(metadata.remove(DEPTH), DEPTH)?.unwrap_or(0);
    let (key, retries) = keys::take(&mut metadata)?;
    let trace = metadata
        .remove(TRACEPARENT)
        .and_then(|it| TraceContext::parse(&it));
    let trace = trace.unwrap_or_else(|| TraceContext {
        trace: trace::new_trace(platform),
        span: trace::new_span(platform),
    });
    Ok(Message {
        to: to.into(),
        from: from.into(),
        data: Payload::new(data, content_type),
        timeout: timeout.map(Duration::from_micros),
        retry: None,
        context: Context {
            trace: trace.trace,
            span: trace.span,
            depth,
            deadline: None,
            metadata: (!metadata.is_empty()).then(|| Arc::new(metadata)),
            key,
            retries,
            remote: true,
        },
    })
}

fn number<T: std::str::FromStr>(text: Option<String>, key: &str) -> Result<Option<T>, Error> {
    text.map(|text| text.parse().map_err(|_| malformed(key, &text)))
        .transpose()
}

fn malformed(key: &str, value: &str) -> Error {
    Error::serialization(format_args!("the metadata {key:?} cannot be read: {value:?}"))
}

/// A result as it crosses back. Errors are in-band, with a gRPC status of OK. Spec: router S-26, S-27, 2.4.
pub(crate) fn reply(
    result: Result<Option<Payload>, Error>,
    module: &str,
    limit: usize,
) -> tonic::Response<proto::Response> {
    match result.and_then(|value| value_reply(value, limit)) {
        Ok(reply) => reply,
        Err(error) => error_reply(&error, module),
    }
}

fn value_reply(value: Option<Payload>, limit: usize) -> Result<tonic::Response<proto::Response>, Error> {
    let value = value.unwrap_or_default();
    let content_type = value.content_type();
    let response = proto::Response {
        data: value.into_bytes(),
        error: String::new(),
    };
    check_size(&response, limit).map_err(|error| match error {
        // The component has done its work.
        Error::Serialization { cause, .. } => Error::Serialization {
            cause,
            outcome: Outcome::Unknown,
        },
        error => error,
    })?;
    let mut reply = tonic::Response::new(response);
    if content_type != ContentType::Json {
        insert(reply.metadata_mut(), DATA_CONTENT_TYPE, content_type.as_str());
    }
    Ok(reply)
}

fn error_reply(error: &Error, module: &str) -> tonic::Response<proto::Response> {
    let text = match error {
        // The cause alone. Spec: router S-23.
        Error::Serialization {
            cause,
            outcome: Outcome::Failed,
        } => Cow::Borrowed(&**cause),
        error => Cow::Owned(error.message()),
    };
    let text = if text.is_empty() {
        Cow::Borrowed(UNNAMED)
    } else {
        text
    };
    let mut reply = tonic::Response::new(proto::Response {
        data: Default::default(),
        error: text.into_owned(),
    });
    let metadata = reply.metadata_mut();
    insert(metadata, ERROR_KIND, error.kind().as_str());
    insert(metadata, ERROR_ORIGIN, error.origin().unwrap_or(module));
    insert(metadata, ERROR_OUTCOME, error.outcome().as_str());
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
    reply
}

/// Headers are ASCII. What is not goes unsaid: the text of the error has it all.
fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        metadata.insert(key, value);
    }
}

/// What a response means to the caller.
///
/// # Errors
/// [`Error::Remote`] when the response has an error; [`Error::Serialization`] when its data is of a type
/// that nobody knows.
pub(crate) fn answer(response: tonic::Response<proto::Response>) -> Result<Option<Payload>, Error> {
    let (metadata, response, _) = response.into_parts();
    if !response.error.is_empty() {
        return Err(Error::Remote(Box::new(remote_error(response.error, &metadata))));
    }
    if response.data.is_empty() {
        return Ok(None);
    }
    let content_type = match header(&metadata, DATA_CONTENT_TYPE) {
        None => ContentType::Json,
        Some(it) => ContentType::parse(it).ok_or_else(|| Error::Serialization {
            cause: format!("the answer's content type is unknown: {it:?}").into(),
            outcome: Outcome::Unknown,
        })?,
    };
    Ok(Some(Payload::new(response.data, content_type)))
}

fn remote_error(message: String, metadata: &MetadataMap) -> RemoteError {
    RemoteError {
        message,
        kind: header(metadata, ERROR_KIND).map_or(Kind::Component, Kind::parse),
        origin: header(metadata, ERROR_ORIGIN).unwrap_or_default().to_owned(),
        code: header(metadata, ERROR_CODE).map(str::to_owned),
        retryable: header(metadata, ERROR_RETRYABLE).and_then(|it| it.parse().ok()),
        outcome: match header(metadata, ERROR_OUTCOME) {
            Some("unknown") => Outcome::Unknown,
            _ => Outcome::Failed,
        },
    }
}

fn header<'a>(metadata: &'a MetadataMap, key: &str) -> Option<&'a str> {
    metadata.get(key).and_then(|value| value.to_str().ok())
}
