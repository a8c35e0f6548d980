//! Sends a request, and interprets its response.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use prost::Message;
use squall_proto::Bulk;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::GRPC;
use super::compression::{ACCEPTED, READABLE};
use super::frames::{Frames, framed, share};
use super::read::{Input, Side, decoded};
use crate::progress::Mark;
use crate::sender::{Counting, Piece, Shared};
use crate::{Progress, Sender};

/// Details of a status: not used here, and tonic panics when they are not base64.
static STATUS_DETAILS: HeaderName = Status::GRPC_STATUS_DETAILS;
static STATUS: HeaderName = Status::GRPC_STATUS;
static STATUS_MESSAGE: HeaderName = Status::GRPC_MESSAGE;

/// A longer body is passed on in pieces, as the peer takes it.
const AT_ONCE: usize = 64 * 1024;

/// Sends a request and waits for its response, whose metadata combines its headers and its trailers. `progress`
/// records how far the request gets.
///
/// Dropping the future cancels the request, and the peer is notified. Deadlines are enforced this way; the deadline
/// that is passed here only tells whether the request was dropped because of it.
///
/// # Errors
/// The peer's status, or one with a [`crate::Trouble`] that describes the connection's failure.
pub async fn call<Q, A>(
    sender: &Sender,
    uri: Uri,
    request: tonic::Request<Q>,
    deadline: Option<Instant>,
    limit: usize,
    progress: &Arc<Progress>,
) -> Result<tonic::Response<A>, Status>
where
    Q: Bulk,
    A: Message + Default,
{
    let (metadata, _, message) = request.into_parts();
    let headers = protobuf_headers(metadata.into_headers());
    let frames = framed(message);
    let answer = send(sender, uri, headers, frames, deadline, limit, progress).await?;
    decoded_answer(answer)
}

/// The headers of a request whose message is protobuf.
pub(crate) fn protobuf_headers(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(&ACCEPTED, READABLE);
    headers
}

/// Decodes the message of an answer.
pub(crate) fn decoded_answer<A: Message + Default>(
    answer: tonic::Response<Bytes>,
) -> Result<tonic::Response<A>, Status> {
    let (metadata, message, extensions) = answer.into_parts();
    Ok(tonic::Response::from_parts(
        metadata,
        decoded(message)?,
        extensions,
    ))
}

/// As [`call`], for a message that is already framed and for all of the request's headers. The answer is not decoded.
pub(crate) async fn send(
    sender: &Sender,
    uri: Uri,
    headers: HeaderMap,
    frames: Frames,
    deadline: Option<Instant>,
    limit: usize,
    progress: &Arc<Progress>,
) -> Result<tonic::Response<Bytes>, Status> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;

    let mut in_flight = sender.call(deadline);
    let result = exchange(sender, request, frames, limit, progress).await;
    in_flight.ended();
    result
}

async fn exchange(
    sender: &Sender,
    request: Request<()>,
    frames: Frames,
    limit: usize,
    progress: &Arc<Progress>,
) -> Result<tonic::Response<Bytes>, Status> {
    let (response, stream) = sender.open(request)?;
    let mut body = Sending::begin(stream, frames, progress.mark(), sender.shared());
    let response = answer(response, &mut body).await;
    let (mut head, incoming) = response.map_err(|error| sender.lost(&error, false))?.into_parts();
    sender.shared().answered();
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
    let (message, trailers) = read(
        sender,
        incoming,
        Input::new(Side::Answer, &head.headers),
        &mut body,
        limit,
    )
    .await?;
    let mut trailers = trailers.unwrap_or_default();
    match status_in(&mut trailers) {
        None => return Err(Status::internal("the answer ends without a status")),
        Some(status) if status.code() != Code::Ok => return Err(status),
        Some(_) => {}
    }
    let message = message.ok_or_else(|| Status::internal("the answer has no message"))?;
    // For a repeated value the last one counts.
    head.headers.extend(trailers);
    Ok(tonic::Response::from_parts(
        MetadataMap::from_headers(head.headers),
        message,
        head.extensions,
    ))
}

/// The response's headers. A peer may answer before it has read the whole request.
async fn answer(
    mut response: ResponseFuture,
    body: &mut Option<Sending>,
) -> Result<Response<RecvStream>, h2::Error> {
    poll_fn(|context| {
        Sending::poll(body, context);
        Pin::new(&mut response).poll(context)
    })
    .await
}

/// Reads a response to its end: its message, if there is one, and its trailers.
async fn read(
    sender: &Sender,
    mut incoming: RecvStream,
    mut input: Input,
    body: &mut Option<Sending>,
    limit: usize,
) -> Result<(Option<Bytes>, Option<HeaderMap>), Status> {
    let lost = |error| sender.lost(&error, true);
    loop {
        let data = poll_fn(|context| {
            Sending::poll(body, context);
            incoming.poll_data(context)
        });
        let Some(data) = data.await else { break };
        let data = data.map_err(lost)?;
        sender.shared().answered();
        // The bytes are released from the connection's window, whatever happens to them.
        incoming
            .flow_control()
            .release_capacity(data.len())
            .map_err(lost)?;
        input.push(data, limit)?;
    }
    let trailers = incoming.trailers().await.map_err(lost)?;
    Ok((input.message(limit)?, trailers))
}

/// A large body being sent: HTTP/2 gets as much of it as the peer takes, in pieces that leave room for others.
struct Sending {
    stream: SendStream<Piece>,
    frames: Frames,
    mark: Option<Mark>,
    shared: Arc<Shared>,
    _counted: Counting,
}

impl Sending {
    /// Sends a small body at once. The response reports errors.
    fn begin(
        mut stream: SendStream<Piece>,
        mut frames: Frames,
        mark: Mark,
        shared: &Arc<Shared>,
    ) -> Option<Self> {
        if frames.len() > AT_ONCE {
            return Some(Sending {
                stream,
                frames,
                mark: Some(mark),
                _counted: shared.body(),
                shared: Arc::clone(shared),
            });
        }
        let mut mark = Some(mark);
        while let Some(bytes) = frames.next(usize::MAX) {
            let piece = Piece::new(bytes, mark.take());
            if stream.send_data(piece, frames.is_empty()).is_err() {
                break;
            }
        }
        None
    }

    /// Passes on what is possible. Returns `None` when all is sent, or will never be.
    fn poll(sending: &mut Option<Self>, context: &mut Context<'_>) {
        if let Some(it) = sending
            && it.hand_on(context).is_ready()
        {
            *sending = None;
        }
    }

    fn hand_on(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.frames.is_empty() {
            let want = share(self.shared.bodies()).min(self.frames.len());
            self.stream.reserve_capacity(want);
            if self.stream.capacity() == 0 {
                match self.stream.poll_capacity(context) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let Some(bytes) = self.frames.next(want.min(self.stream.capacity())) else {
                break;
            };
            let piece = Piece::new(bytes, self.mark.take());
            if self.stream.send_data(piece, self.frames.is_empty()).is_err() {
                break;
            }
        }
        Poll::Ready(())
    }
}

fn status_in(headers: &mut HeaderMap) -> Option<Status> {
    // Headers before a message have none, and most trailers are only a plain 0.
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

/// The meaning of a response that is not gRPC. Spec: gRPC, HTTP to gRPC status code mapping.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_grpc_is_told_by_its_http_status() {
        for (http, code) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (503, 14),
            (418, 2),
        ] {
            let status = of_http(StatusCode::from_u16(http).unwrap());
            assert_eq!(status.code() as i32, code, "HTTP {http}");
        }
    }
}
