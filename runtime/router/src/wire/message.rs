//! The method `Message`, which deployed Go modules use. Spec: router 2.1, 2.3.

use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;
use squall_proto::module as proto;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::{DATA_CONTENT_TYPE, DEPTH, Raised, Reply, TRACEPARENT, error, headers, malformed, number};
use crate::{ContentType, Context, Error, Kind, Message, Outcome, Payload, TraceContext, keys, trace};

/// The longest text of a status. Encoded it may be three times as long, and a peer reads 16 KiB of headers.
const STATUS_BYTES_MAX: usize = 4 * 1024;

/// Encodes a message to another module.
///
/// # Errors
/// [`Error::Serialization`] when it cannot be expressed: the method carries JSON only, and metadata must be valid in
/// headers.
pub(crate) fn request(
    message: &Message,
    trace: TraceContext,
    remaining: Duration,
) -> Result<tonic::Request<proto::MessageRequest>, Error> {
    let context = &message.context;
    let content_type = message.data.content_type();
    if content_type != ContentType::Json {
        return Err(Error::serialization(format_args!(
            "the peer's method Message takes {}, not {}",
            ContentType::Json.as_str(),
            content_type.as_str()
        )));
    }
    let mut request = tonic::Request::new(proto::MessageRequest {
        id: String::new(),
        from: (*message.from).to_owned(),
        to: (*message.to).to_owned(),
        payload: message.data.bytes().clone(),
        edge_id: message.edge.as_deref().unwrap_or_default().to_owned(),
    });
    let headers = request.metadata_mut();
    let mut metadata = context.metadata.as_deref().cloned().unwrap_or_default();
    keys::write(context, &mut metadata);
    headers::set_metadata(headers, &metadata)?;
    super::set_timeout(headers, remaining);
    error::insert(headers, TRACEPARENT, &trace.traceparent());
    if context.depth > 0 {
        error::insert(headers, DEPTH, &context.depth.to_string());
    }
    Ok(request)
}

/// Decodes a message from another module, without looking into its data.
///
/// # Errors
/// [`Error::Serialization`] when a header cannot be read. Spec: router W-19.
pub(crate) fn message<P: Platform>(
    request: tonic::Request<proto::MessageRequest>,
    platform: &P,
) -> Result<Message, Error> {
    let (headers, _, request) = request.into_parts();
    let content_type = match headers::readable(&headers, &headers::X_CONTENT_TYPE)? {
        None => ContentType::Json,
        Some(it) => ContentType::parse(&it).ok_or_else(|| malformed(DATA_CONTENT_TYPE, &it))?,
    };
    let trace = headers::text(&headers, TRACEPARENT)
        .and_then(TraceContext::parse)
        .unwrap_or_else(|| trace::new(platform));
    let depth = number(headers::readable(&headers, &headers::X_DEPTH)?, DEPTH)?.unwrap_or(0);
    let mut metadata = headers::metadata(&headers)?;
    let (key, retries) = keys::take(&mut metadata)?;
    Ok(Message {
        to: request.to.into(),
        from: request.from.into(),
        data: Payload::new(request.payload, content_type),
        timeout: headers::timeout(&headers)?,
        edge: (!request.edge_id.is_empty()).then(|| request.edge_id.into()),
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

/// Encodes a result for the caller. Spec: router 2.3 point 4, 2.4.
///
/// # Errors
/// The status of a result that is an error, `Unknown` when a component raised it, as in Go modules.
pub(crate) fn reply(
    result: Result<Option<Payload>, Raised>,
    module: &str,
    limit: usize,
) -> Result<Reply<proto::MessageResponse>, Status> {
    let value = result.map_err(|raised| status(&raised, module))?;
    value_reply(value, limit)
        .map(Reply::from)
        // Only its size can be wrong.
        .map_err(|error| described(Code::ResourceExhausted, &error.into(), module))
}

fn value_reply(
    value: Option<Payload>,
    limit: usize,
) -> Result<tonic::Response<proto::MessageResponse>, Error> {
    let value = value.unwrap_or_default();
    let content_type = value.content_type();
    let response = proto::MessageResponse {
        data: value.into_bytes(),
    };
    super::check_size(&response, limit).map_err(super::unusable_answer)?;
    let mut reply = tonic::Response::new(response);
    if content_type != ContentType::Json {
        error::insert(reply.metadata_mut(), DATA_CONTENT_TYPE, content_type.as_str());
    }
    Ok(reply)
}

/// The error as a gRPC status with its classification.
pub(crate) fn status(raised: &Raised, module: &str) -> Status {
    described(code(&raised.error), raised, module)
}

fn described(code: Code, raised: &Raised, module: &str) -> Status {
    let mut metadata = MetadataMap::new();
    error::describe(raised, module, &mut metadata);
    Status::with_metadata(code, error::crossing(&raised.error, STATUS_BYTES_MAX), metadata)
}

fn code(error: &Error) -> Code {
    match (error.kind(), error.outcome()) {
        (Kind::Component, _) => Code::Unknown,
        (Kind::NotFound, _) => Code::NotFound,
        (Kind::PortNotReady, _) => Code::FailedPrecondition,
        (Kind::Cancelled, _) => Code::Cancelled,
        (Kind::InvalidDestination, _) | (Kind::Serialization, Outcome::Failed) => Code::InvalidArgument,
        (Kind::Forbidden, _) => Code::PermissionDenied,
        (Kind::Depth, _) => Code::FailedPrecondition,
        (Kind::Overload, _) => Code::ResourceExhausted,
        (Kind::Shutdown | Kind::UpstreamUnavailable, _) => Code::Unavailable,
        (Kind::UpstreamTimeout, _) => Code::DeadlineExceeded,
        (Kind::Panic | Kind::Transport | Kind::Serialization, _) => Code::Internal,
    }
}

/// Decodes a response.
///
/// # Errors
/// [`Error::Serialization`] when the type of its data is unknown.
pub(crate) fn answer(response: tonic::Response<proto::MessageResponse>) -> Result<Option<Payload>, Error> {
    let (metadata, response, _) = response.into_parts();
    super::answered(response.data, &metadata)
}
