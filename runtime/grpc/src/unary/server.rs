//! Reads a request, and makes the response with its answer.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use prost::Message;
use squall_proto::Bulk;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::GRPC;
use super::frames::{Frames, framed, framed_bytes};
use super::read::{Input, Side, decoded, read};
use crate::server::{Account, Charge, Of, Refusal};
use crate::{Incoming, timeout};

/// The charge for a request's bytes, among the extensions of a large request: to be kept while the request is
/// handled.
#[derive(Clone)]
pub struct Held {
    _charge: Arc<Charge>,
}

/// Reads the one message of a request. A large one has a [`Held`] among its extensions.
///
/// # Errors
/// When there is not exactly one message, when it is compressed otherwise than with gzip, longer than `limit` bytes,
/// or cannot be decoded: certainly no handler has seen it. `DEADLINE_EXCEEDED` when it does not arrive in time, and
/// `RESOURCE_EXHAUSTED` when it exceeds a memory limit: see [`Limits`](crate::Limits).
pub async fn request<Q: Message + Default>(
    request: Request<Incoming>,
    limit: usize,
) -> Result<tonic::Request<Q>, Status> {
    let (metadata, extensions, message) = request_bytes(request, limit).await?.into_parts();
    Ok(tonic::Request::from_parts(
        metadata,
        extensions,
        decoded(message)?,
    ))
}

/// The same without decoding: for callers that check the bytes first, because decoding may take much more memory and
/// time than reading.
///
/// # Errors
/// As with [`request`].
pub async fn request_bytes(
    request: Request<Incoming>,
    limit: usize,
) -> Result<tonic::Request<Bytes>, Status> {
    let (mut head, body) = request.into_parts();
    let (arrived, account) = (body.arrived(), Arc::clone(body.account()));
    let input = Input::new(Side::Request, &head.headers).charged_to(Charge::new(&account, Of::Requests));
    let mut input = in_time(read(body, input, limit), arrived, &account, &head.headers).await?;
    let message = input.message(limit)?;
    let message = message.ok_or_else(|| Status::internal("the request has no message"))?;
    if let Some(charge) = input.held() {
        head.extensions.insert(Held {
            _charge: Arc::new(charge),
        });
    }
    Ok(tonic::Request::from_parts(
        MetadataMap::from_headers(head.headers),
        head.extensions,
        message,
    ))
}

/// Reads for as long as a request whose headers `arrived` at that time may take.
async fn in_time(
    reading: impl Future<Output = Result<Input, Status>>,
    arrived: Instant,
    account: &Account,
    headers: &HeaderMap,
) -> Result<Input, Status> {
    let mut reading = pin!(reading);
    // Mostly everything has arrived: then no timer is needed.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return read;
    }
    let limit = account.limits().read;
    // An unreadable header is reported elsewhere.
    let own = timeout(headers).ok().flatten();
    let time = own.map_or(limit, |own| own.min(limit));
    let read = timeout_at(arrived + time, reading).await;
    read.unwrap_or_else(|_| Err(late(time, limit, account)))
}

#[cold]
fn late(time: Duration, limit: Duration, account: &Account) -> Status {
    if time == limit {
        let why = format_args!("a request was refused: it did not arrive within {limit:?} (limit read)");
        account.refuse(Refusal::Read, why);
    }
    Status::deadline_exceeded(format!(
        "the request did not arrive within {time:?} of its headers"
    ))
}

/// Makes the response that carries an answer.
pub fn response<A: Bulk>(answer: Result<tonic::Response<A>, Status>) -> Response<ReplyBody> {
    match answer {
        Ok(answer) => with_trailers(answer, MetadataMap::new()),
        Err(status) => status.into_http(),
    }
}

/// Makes the response that carries an answer, and its additional trailers.
pub fn with_trailers<A: Bulk>(answer: tonic::Response<A>, trailers: MetadataMap) -> Response<ReplyBody> {
    let (metadata, message, extensions) = answer.into_parts();
    // Most responses have none, so that a body need not reserve room for them.
    let trailers = (!trailers.is_empty()).then(|| Box::new(trailers.into_headers()));
    let mut response = Response::new(ReplyBody::Unary(framed(message), trailers));
    *response.headers_mut() = metadata.into_headers();
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    *response.extensions_mut() = extensions;
    response
}

/// Makes the response that carries an encoded message, with these headers and additional trailers: `content-type` is among
/// the headers.
pub fn response_bytes(message: Bytes, headers: HeaderMap, trailers: HeaderMap) -> Response<ReplyBody> {
    let body = ReplyBody::Unary(framed_bytes(message), Some(Box::new(trailers)));
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// A response's body.
#[derive(Default)]
pub enum ReplyBody {
    /// A message, and the trailers of success beside these.
    Unary(Frames, Option<Box<HeaderMap>>),
    /// Headers only.
    #[default]
    None,
    /// The body of a tonic service.
    Other(tonic::body::Body),
}

impl ReplyBody {
    /// True when nothing follows the headers.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            ReplyBody::Unary(..) => false,
            ReplyBody::None => true,
            ReplyBody::Other(body) => body.is_end_stream(),
        }
    }
}

/// The trailers of a message that is an answer.
pub(crate) fn success(trailers: Option<Box<HeaderMap>>) -> HeaderMap {
    let mut trailers = trailers.map_or_else(|| HeaderMap::with_capacity(1), |it| *it);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}
