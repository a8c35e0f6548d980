//! The service that answers requests.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use http::header::HeaderValue;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;

use crate::Incoming;
use crate::unary::ReplyBody;

/// The pending response. Dropping it abandons the request.
pub type Answer = Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>;

/// Answers the requests of a server's connections. Clones are the same service.
///
/// Each request is a task of its own, which is dropped when its caller cancels.
pub trait Service: Clone + Send + 'static {
    /// Begins to answer a request.
    fn call(&self, request: Request<Incoming>) -> Answer;
}

/// The start of tonic's message for a request that is too large, in wire encoding.
const TOO_LARGE: &[u8] = b"Error,%20decoded%20message%20length%20too%20large";

/// tonic returns `OUT_OF_RANGE` for a request that is too large, where gRPC's other implementations return
/// `RESOURCE_EXHAUSTED`.
fn too_large(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    let is_too_large = headers
        .get(Status::GRPC_MESSAGE)
        .is_some_and(|it| it.as_bytes().starts_with(TOO_LARGE));
    if is_too_large {
        headers.insert(Status::GRPC_STATUS, HeaderValue::from_static("8"));
    }
    response
}

/// A tonic service. Clones are those of the service.
#[derive(Clone)]
pub struct Tonic<S>(pub S);

impl<S> Service for Tonic<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    fn call(&self, request: Request<Incoming>) -> Answer {
        let answer = self.0.clone().call(request.map(Incoming::in_whole_messages));
        Box::pin(async move {
            match answer.await {
                Ok(response) => too_large(response).map(ReplyBody::Other),
                Err(error) => match error {},
            }
        })
    }
}
