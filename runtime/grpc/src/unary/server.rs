//! Reading a request, and the response that carries its answer.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use prost::Message;
use squall_proto::Bulk;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::GRPC;
use super::frames::{Frames, framed};
use super::read::{Input, Side, decoded, read};
use crate::Incoming;

/// Reads the one message of a request.
///
/// # Errors
/// When there is not exactly one, when it is compressed otherwise than with gzip, longer than `limit` bytes, or cannot be
/// decoded.
pub async fn request<Q: Message + Default>(
    request: Request<Incoming>,
    limit: usize,
) -> Result<tonic::Request<Q>, Status> {
    let (head, body) = request.into_parts();
    let input = Input::new(Side::Request, &head.headers);
    let (message, _) = read(body, input, limit).await?;
    let message = message.ok_or_else(|| Status::internal("the request has no message"))?;
    Ok(tonic::Request::from_parts(
        MetadataMap::from_headers(head.headers),
        head.extensions,
        decoded(message)?,
    ))
}

/// Makes the response that carries an answer.
pub fn response<A: Bulk>(answer: Result<tonic::Response<A>, Status>) -> Response<ReplyBody> {
    match answer {
        Ok(answer) => with_trailers(answer, MetadataMap::new()),
        Err(status) => status.into_http(),
    }
}

/// Makes the response that carries an answer, and what is to be said behind it.
pub fn with_trailers<A: Bulk>(answer: tonic::Response<A>, trailers: MetadataMap) -> Response<ReplyBody> {
    let (metadata, message, extensions) = answer.into_parts();
    // Most answers have none: then a body need not have room for them.
    let trailers = (!trailers.is_empty()).then(|| Box::new(trailers.into_headers()));
    let mut response = Response::new(ReplyBody::Unary(framed(message), trailers));
    *response.headers_mut() = metadata.into_headers();
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    *response.extensions_mut() = extensions;
    response
}

/// A response's body.
#[derive(Default)]
pub enum ReplyBody {
    /// A message, and the trailers of success beside these.
    Unary(Frames, Option<Box<HeaderMap>>),
    /// The headers are all there is.
    #[default]
    None,
    /// That of a service that is tonic's.
    Other(tonic::body::Body),
}

impl ReplyBody {
    /// True when there is nothing to send behind the headers.
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
