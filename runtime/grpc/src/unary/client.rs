//! Sending a request, and what its answer means.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, StatusCode, Uri, Version};
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::SendRequest;
use prost::Message;
use squall_proto::Bulk;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::GRPC;
use super::frames::{Frames, framed};
use super::read::{decoded, read};
use crate::Progress;

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

#[cfg(test)]
mod tests {
    use squall_proto::module::Response as Answer;

    use super::*;

    #[test]
    fn a_request_is_one_frame_which_is_the_last() {
        let progress = Arc::new(Progress::default());
        let mut body = RequestBody {
            frames: framed(Answer {
                data: b"1".to_vec().into(),
                ..Answer::default()
            }),
            progress: Arc::clone(&progress),
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(!body.is_end_stream());
        assert_eq!(progress.outcome_if_lost(), crate::Outcome::Failed);
        let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else {
            panic!("there is a frame");
        };
        assert_eq!(frame.into_data().unwrap(), &b"\0\0\0\0\x03\x0a\x011"[..]);
        assert!(body.is_end_stream(), "HTTP/2 needs no empty frame to end it");
        assert_eq!(progress.outcome_if_lost(), crate::Outcome::Unknown);
    }

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
