//! One gRPC request and its one answer, straight over hyper.
//!
//! tonic's codec is made for streams: it boxes bodies, copies each message into a buffer of its own, and ends a
//! request with an empty frame. Of a unary call all is known at once: here a request is its headers and one
//! frame, which also says that it was the last one. Statuses, and what an error means, are still tonic's.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::SendRequest;
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};
use squall_proto::Bulk;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::Progress;

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Data of so many bytes is sent as it is, and not copied into its message first.
const BULKY: usize = 16 * 1024;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// Details of a status: nobody here reads them, and tonic panics when they are not base64.
static STATUS_DETAILS: HeaderName = Status::GRPC_STATUS_DETAILS;
static STATUS: HeaderName = Status::GRPC_STATUS;
static STATUS_MESSAGE: HeaderName = Status::GRPC_MESSAGE;

/// Sends a request and waits for its answer, whose metadata is that of its headers and its trailers together.
/// `progress` says how far it gets.
///
/// # Errors
/// The peer's status, or one whose sources tell what became of the connection.
pub async fn call<Q, A>(
    sender: &mut SendRequest<RequestBody>,
    uri: Uri,
    request: tonic::Request<Q>,
    limit: usize,
    progress: &Arc<Progress>,
) -> Result<tonic::Response<A>, Status>
where
    Q: Bulk,
    A: Message + Default,
{
    let (metadata, _, message) = request.into_parts();
    let body = RequestBody {
        frames: framed(message),
        progress: Arc::clone(progress),
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    *headers = metadata.into_headers();
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, GRPC);

    let response = sender.send_request(request).await.map_err(lost)?;
    let (mut head, body) = response.into_parts();
    if let Some(status) = status_in(&mut head.headers) {
        progress.status();
        // Without a message even success is a failure of a unary call.
        return Err(match status.code() {
            Code::Ok => Status::internal("the answer has no message"),
            _ => status,
        });
    }
    progress.answered();
    if head.status != StatusCode::OK {
        return Err(of_http(head.status));
    }
    let (message, trailers) = read(body, limit).await?;
    let mut trailers = trailers.unwrap_or_default();
    match status_in(&mut trailers) {
        None => return Err(Status::internal("the answer ends without a status")),
        Some(status) if status.code() != Code::Ok => return Err(status),
        Some(_) => {}
    }
    let message = message.ok_or_else(|| Status::internal("the answer has no message"))?;
    let message = decoded(message)?;
    // What is said twice counts as it was said last.
    head.headers.extend(trailers);
    Ok(tonic::Response::from_parts(
        MetadataMap::from_headers(head.headers),
        message,
        head.extensions,
    ))
}

/// Reads the one message of a request.
///
/// # Errors
/// When there is not exactly one, when it is compressed, longer than `limit` bytes, or cannot be decoded.
pub async fn request<Q: Message + Default>(
    request: Request<Incoming>,
    limit: usize,
) -> Result<tonic::Request<Q>, Status> {
    let (head, body) = request.into_parts();
    let (message, _) = read(body, limit).await?;
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

/// A message as HTTP/2 carries it: one frame or, when its data is large, the data in a frame of its own.
pub struct Frames {
    head: Option<Bytes>,
    data: Option<Bytes>,
}

impl Frames {
    fn next(&mut self) -> Option<Bytes> {
        self.head.take().or_else(|| self.data.take())
    }

    fn is_empty(&self) -> bool {
        self.head.is_none() && self.data.is_none()
    }
}

fn framed(mut message: impl Bulk) -> Frames {
    // Protobuf leaves the order of fields open: this one comes last.
    let data = match message.bulk() {
        Some((field, data)) if data.len() >= BULKY => Some((key(field), std::mem::take(data))),
        _ => None,
    };
    let tail = data.as_ref().map_or(0, |(key, data)| {
        encoded_len_varint(u64::from(*key)) + encoded_len_varint(data.len() as u64) + data.len()
    });
    let length = message.encoded_len() + tail;
    let mut head = BytesMut::with_capacity(PREFIX + message.encoded_len() + 20);
    head.put_u8(0);
    // Sizes are checked against a limit long before they leave 32 bits.
    head.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode(&mut head).expect("a buffer that grows has room");
    let data = data.map(|(key, data)| {
        encode_varint(u64::from(key), &mut head);
        encode_varint(data.len() as u64, &mut head);
        data
    });
    Frames {
        head: Some(head.freeze()),
        data,
    }
}

/// What stands before data: its field, and that it is bytes of a length of their own.
fn key(field: u32) -> u32 {
    field << 3 | prost::encoding::WireType::LengthDelimited as u32
}

fn decoded<M: Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// Reads a body to its end: its message, if there is one, and its trailers.
async fn read<B>(body: B, limit: usize) -> Result<(Option<Bytes>, Option<HeaderMap>), Status>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = body;
    let mut input = Input::default();
    let mut trailers = None;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| Status::from_error(error.into()))?;
        match frame.into_data() {
            Ok(data) => input.push(data, limit)?,
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok((input.message()?, trailers))
}

/// The bytes of one message as they come in.
#[derive(Default)]
struct Input {
    /// The first frame, which mostly is all there is.
    first: Bytes,
    /// All frames, if there are several.
    all: BytesMut,
}

impl Input {
    fn bytes(&self) -> &[u8] {
        if self.all.is_empty() {
            &self.first
        } else {
            &self.all
        }
    }

    fn push(&mut self, data: Bytes, limit: usize) -> Result<(), Status> {
        if self.bytes().is_empty() {
            self.first = data;
        } else {
            if self.all.is_empty() {
                // All that is to come, if that is known: it was found to be within the limit.
                let whole = self.length()?.map_or(0, |length| PREFIX + length);
                self.all.reserve(whole.max(self.first.len() + data.len()));
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
        let Some(length) = self.length()? else {
            return Ok(());
        };
        if length > limit {
            // In tonic's words, which peers may know.
            return Err(Status::out_of_range(format!(
                "Error, decoded message length too large: found {length} bytes, the limit is: {limit} bytes"
            )));
        }
        if self.bytes().len() - PREFIX > length {
            return Err(Status::internal(
                "more than one message came: a unary method takes one",
            ));
        }
        Ok(())
    }

    /// The length of the message, once it is known.
    fn length(&self) -> Result<Option<usize>, Status> {
        let Some((flag, mut length)) = self.bytes().get(..PREFIX).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        match flag {
            0 => Ok(Some(length.get_u32() as usize)),
            1 => Err(Status::unimplemented(
                "the message is compressed: send it as it is",
            )),
            flag => Err(Status::internal(format!(
                "the message begins with {flag}, which is neither compressed nor not"
            ))),
        }
    }

    fn message(self) -> Result<Option<Bytes>, Status> {
        if self.bytes().is_empty() {
            return Ok(None);
        }
        let whole = self
            .length()?
            .is_some_and(|length| self.bytes().len() == PREFIX + length);
        if !whole {
            return Err(Status::internal("the message is not whole"));
        }
        let mut bytes = if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        };
        bytes.advance(PREFIX);
        Ok(Some(bytes))
    }
}

fn status_in(headers: &mut HeaderMap) -> Option<Status> {
    // Headers before a message have none, and most trailers are a plain 0 and nothing else.
    let is_ok = headers.get(&STATUS)? == "0";
    if is_ok && headers.len() == 1 {
        headers.clear();
        return Some(Status::ok(""));
    }
    headers.remove(&STATUS_DETAILS);
    if is_ok {
        headers.remove(&STATUS);
        headers.remove(&STATUS_MESSAGE);
        return Some(Status::ok(""));
    }
    Status::from_header_map(headers)
}

/// What an answer that is not gRPC means. Spec: gRPC, HTTP to gRPC status code mapping.
fn of_http(status: StatusCode) -> Status {
    let code = match status {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("the answer is no gRPC, but HTTP {status}"))
}

fn lost(error: hyper::Error) -> Status {
    Status::from_error(Box::new(error))
}

/// A request's body. Tells when its bytes are taken: headers alone start no handler, so until then
/// the request certainly has not been handled.
pub struct RequestBody {
    frames: Frames,
    progress: Arc<Progress>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = self.frames.next();
        if data.is_some() {
            self.progress.sent();
        }
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }
}

/// A response's body.
#[derive(Default)]
pub enum ReplyBody {
    /// A message, and the trailers of success beside these.
    Unary(Frames, Option<Box<HeaderMap>>),
    /// The trailers of [`ReplyBody::Unary`] are sent, or it has none.
    #[default]
    Ended,
    /// That of a service that is tonic's.
    Other(tonic::body::Body),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut *self {
            ReplyBody::Unary(frames, trailers) => {
                if let Some(data) = frames.next() {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                let trailers = trailers.take();
                *self = ReplyBody::Ended;
                let mut trailers = trailers.map_or_else(|| HeaderMap::with_capacity(1), |it| *it);
                trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            ReplyBody::Ended => Poll::Ready(None),
            ReplyBody::Other(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Unary(..) => false,
            ReplyBody::Ended => true,
            ReplyBody::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Other(body) => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
