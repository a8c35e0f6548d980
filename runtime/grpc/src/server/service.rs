//! What answers requests.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};
use tonic::body::Body;

use crate::Incoming;
use crate::unary::ReplyBody;

/// The answer to come. Dropping it gives the request up.
pub type Answer = Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>;

/// Answers the requests of a server's connections. Clones are the same service.
///
/// Each request is a task of its own, which is dropped when its caller gives the request up.
pub trait Service: Clone + Send + 'static {
    /// Begins to answer a request.
    fn call(&self, request: Request<Incoming>) -> Answer;
}

/// A service of tonic's. Clones are as those of the service.
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
        let answer = self.0.clone().call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => response.map(ReplyBody::Other),
                Err(error) => match error {},
            }
        })
    }
}
