//! The method `Send`, the documented contract. Spec: router S-22 to S-27.

use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;
use squall_proto::module as proto;
use tonic::metadata::MetadataMap;

use super::{DATA_CONTENT_TYPE, DEPTH, Raised, Reply, TRACEPARENT, error, headers, malformed, number};
use crate::{ContentType, Context, Error, Message, Payload, TraceContext, keys, trace};

/// Keys of the metadata map, beside those that both methods use.
const CONTENT_TYPE: &str = "content-type";
/// The remaining time of the caller, in microseconds. Clocks of two machines differ; durations do not.
const TIMEOUT: &str = "x-timeout-us";
/// The edge that the message follows, for which `Message` has a field.
const EDGE: &str = "x-edge-id";

/// Encodes a message to another module.
pub(crate) fn request(message: &Message, trace: TraceContext, remaining: Duration) -> proto::Message {
    let context = &message.context;
    let mut metadata = context.metadata.as_deref().cloned().unwrap_or_default();
    // Rounded up: the callee must not give up before the caller.
    let micros = remaining.as_nanos().div_ceil(1000);
    metadata.insert(TIMEOUT.to_owned(), micros.to_string());
    metadata.insert(TRACEPARENT.to_owned(), trace.traceparent());
    if context.depth > 0 {
        metadata.insert(DEPTH.to_owned(), context.depth.to_string());
    }
    keys::write(context, &mut metadata);
    if let Some(edge) = &message.edge {
        metadata.insert(EDGE.to_owned(), (**edge).to_owned());
    }
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

/// Decodes a message from another module, without looking into its data.
///
/// # Errors
/// [`Error::Serialization`] when its metadata cannot be read. Spec: router W-19.
pub(crate) fn message<P: Platform>(
    request: tonic::Request<proto::Message>,
    platform: &P,
) -> Result<Message, Error> {
    let (headers, _, request) = request.into_parts();
    let proto::Message {
        to,
        from,
        data,
        mut metadata,
    } = request;
    // Keys of every message of ours come first: then no scan of the rest is needed.
    let timeout = number::<u64>(metadata.remove(TIMEOUT), TIMEOUT)?.map(Duration::from_micros);
    let traceparent = metadata.remove(TRACEPARENT);
    let content_type = match metadata.remove(CONTENT_TYPE) {
        None => ContentType::Json,
        Some(it) => ContentType::parse(&it).ok_or_else(|| malformed(CONTENT_TYPE, &it))?,
    };
    let depth = number(metadata.remove(DEPTH), DEPTH)?.unwrap_or(0);
    let (key, retries) = keys::take(&mut metadata)?;
    let edge = metadata.remove(EDGE).filter(|edge| !edge.is_empty());
    let trace = traceparent
        .as_deref()
        .or_else(|| headers::text(&headers, TRACEPARENT))
        .and_then(TraceContext::parse)
        .unwrap_or_else(|| trace::new(platform));
    headers::pass_on(&headers, &mut metadata);
    Ok(Message {
        to: to.into(),
        from: from.into(),
        data: Payload::new(data, content_type),
        timeout: shorter(timeout, headers::timeout(&headers)?),
        edge: edge.map(Arc::from),
        wait_for_ready: false,
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

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Encodes a result for the caller. Errors are in-band, with a gRPC status of OK and their classification beside it.
/// Spec: router S-26, S-27, 2.4.
pub(crate) fn reply(
    result: Result<Option<Payload>, Raised>,
    module: &str,
    limit: usize,
) -> Reply<proto::Response> {
    let raised = match result.and_then(|value| value_reply(value, limit).map_err(Raised::from)) {
        Ok(answer) => return answer.into(),
        Err(raised) => raised,
    };
    let mut trailers = MetadataMap::new();
    error::describe(&raised, module, &mut trailers);
    Reply {
        answer: tonic::Response::new(proto::Response {
            data: Default::default(),
            error: error::crossing(&raised.error, limit / 2),
        }),
        trailers,
    }
}

fn value_reply(value: Option<Payload>, limit: usize) -> Result<tonic::Response<proto::Response>, Error> {
    let value = value.unwrap_or_default();
    let content_type = value.content_type();
    let response = proto::Response {
        data: value.into_bytes(),
        error: String::new(),
    };
    super::check_size(&response, limit).map_err(super::unusable_answer)?;
    let mut reply = tonic::Response::new(response);
    if content_type != ContentType::Json {
        error::insert(reply.metadata_mut(), DATA_CONTENT_TYPE, content_type.as_str());
    }
    Ok(reply)
}

/// Decodes a response.
///
/// # Errors
/// [`Error::Remote`] when the response has an error; [`Error::Serialization`] when the type of its data is unknown.
pub(crate) fn answer(response: tonic::Response<proto::Response>) -> Result<Option<Payload>, Error> {
    let (metadata, response, _) = response.into_parts();
    if !response.error.is_empty() {
        return Err(super::remote_error(response.error, &metadata));
    }
    super::answered(response.data, &metadata)
}
