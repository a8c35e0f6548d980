//! One call, from its head to its answer.

use std::pin::pin;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, request};
use http_body::Body as HttpBody;
use squall_grpc::unary::{self, ReplyBody};
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};

use super::Node;
use super::head;
use super::interceptor::{Rpc, Seen};
use super::methods::Answer;
use crate::frame::{self, Reply};
use crate::{Method, percent, status, unwind};

const ENCODINGS: &str = "grpc-accept-encoding";

/// An answer, whatever the server that sends it.
pub(super) struct Answered {
    head: http::response::Parts,
    /// A message and its trailers. `None`: the headers are all.
    message: Option<(Bytes, HeaderMap)>,
}

impl Answered {
    /// For a tonic server, and for layers of tower.
    pub(super) fn into_tonic(self) -> Response<Body> {
        let body = self
            .message
            .map(|(message, trailers)| Body::new(Reply::new(&message, trailers)));
        Response::from_parts(self.head, body.unwrap_or_default())
    }

    /// For our server, which counts the answer until its peer has taken it.
    pub(super) fn into_ours(self) -> Response<ReplyBody> {
        match self.message {
            Some((message, trailers)) => unary::response_bytes(message, self.head.headers, trailers),
            None => Response::from_parts(self.head, ReplyBody::None),
        }
    }

    fn new(content_type: HeaderValue, message: Option<(Bytes, HeaderMap)>) -> Self {
        let (mut head, ()) = Response::new(()).into_parts();
        head.headers.insert(CONTENT_TYPE, content_type);
        Answered { head, message }
    }

    /// A message, and the trailers of success.
    fn success(answer: Answer, content_type: HeaderValue) -> Self {
        let mut trailers = HeaderMap::with_capacity(4);
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        trailers.insert(Status::GRPC_MESSAGE, HeaderValue::from_static(""));
        if let Some(outcome) = &answer.outcome {
            status::write_outcome(outcome, &mut trailers);
        }
        Answered::new(content_type, Some((answer.message, trailers)))
    }

    /// A status alone: everything is in the headers.
    fn failure(status: &Status, content_type: HeaderValue) -> Self {
        let mut answered = Answered::new(content_type, None);
        let headers = &mut answered.head.headers;
        headers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
        headers.insert(Status::GRPC_MESSAGE, percent::encode(status.message()));
        for (name, value) in status.metadata().as_ref() {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        answered
    }
}

/// Answers a request.
pub(super) async fn answer<B>(node: Node, request: Request<B>) -> Answered
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let content_type = match head::content_type(&head) {
        Ok(content_type) => content_type,
        Err(refused) => {
            let mut answered = Answered::failure(&refused.status, refused.content_type);
            answered.head.status = refused.http;
            return answered;
        }
    };
    let mut answered = match node.handle(&head, body).await {
        Ok(answer) => Answered::success(answer, content_type),
        Err(status) => Answered::failure(&status, content_type),
    };
    // A caller that speaks of encodings gets to know that there are none here.
    if head.headers.contains_key(ENCODINGS) || head.headers.contains_key("grpc-encoding") {
        let identity = HeaderValue::from_static("identity");
        answered.head.headers.insert(ENCODINGS, identity);
    }
    answered
}

/// The status of a call whose endpoint or hook has panicked.
pub(super) fn panicked(panic: &str) -> Status {
    status::status(
        Code::Internal,
        "panicked",
        &format!("the endpoint panicked: {panic}"),
    )
}

impl Node {
    async fn handle<B>(&self, head: &request::Parts, body: B) -> Result<Answer, Status>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let arrived = Instant::now();
        let method = self.method(head.uri.path())?;
        let rpc = Rpc {
            method,
            headers: &head.headers,
        };
        let mut seen = Seen::new(rpc, &self.0.interceptors);
        let config = &self.0.config;
        let call = async {
            let own = squall_grpc::timeout(&head.headers)?;
            let time = own.map_or(config.time_max, |own| own.min(config.time_max));
            let work = async {
                frame::check_encoding(&head.headers)?;
                let Ok(permit) = self.0.calls.clone().try_acquire_owned() else {
                    return Err(overloaded(config.calls_max));
                };
                seen.before().await?;
                // The body is kept while the call is at work: its bytes count.
                let mut body = pin!(body);
                let message = frame::message(body.as_mut(), config.receive_bytes_max).await?;
                self.run(method, &message, permit).await
            };
            match arrived.checked_add(time) {
                Some(deadline) => timeout_at(deadline, work)
                    .await
                    .unwrap_or_else(|_| Err(late(time))),
                None => work.await,
            }
        };
        let answer = unwind::guarded(call).await;
        let answer = answer.unwrap_or_else(|panic| Err(panicked(&panic)));
        seen.code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
        answer
    }

    /// The method of this path, if its service is hosted here.
    fn method(&self, path: &str) -> Result<Method, Status> {
        let is_hosted = |method: &Method| match method {
            Method::Deliver | Method::Spawn => self.0.endpoint.is_some(),
            Method::StateAt | Method::Steps => self.0.history.is_some(),
        };
        if let Some(method) = Method::of(path).filter(is_hosted) {
            return Ok(method);
        }
        let path = path.trim_start_matches('/');
        let (service, name) = path.rsplit_once('/').unwrap_or((path, ""));
        let is_known = Method::ALL
            .iter()
            .any(|method| method.service() == service && is_hosted(method));
        Err(Status::unimplemented(match is_known {
            true => format!("unknown method {name} for service {service}"),
            false => format!("unknown service {service}"),
        }))
    }
}

fn overloaded(limit: usize) -> Status {
    let text = format!("the node has {limit} calls at work, and takes no more");
    status::status(Code::ResourceExhausted, "overloaded", &text)
}

fn late(time: std::time::Duration) -> Status {
    Status::deadline_exceeded(format!("there was no answer within {time:?}"))
}
