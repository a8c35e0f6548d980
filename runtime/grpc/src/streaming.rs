//! tonic's clients over one of our connections: for streams, and for calls that are too rare to be fast.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use squall_platform::Authority;
use tonic::body::Body;
use tower_service::Service;

/// A connection as tonic's generated clients want it. Clones share the connection.
#[derive(Clone)]
pub struct Streaming {
    sender: SendRequest<Body>,
    peer: Authority,
}

impl Streaming {
    /// Wraps an open connection to `peer`. See [`crate::open`].
    pub fn new(sender: SendRequest<Body>, peer: Authority) -> Self {
        Streaming { sender, peer }
    }

    /// True once the connection takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Service<Request<Body>> for Streaming {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.peer.clone());
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from_parts(parts).expect("a scheme, an authority and a path make a URI");
        Box::pin(self.sender.send_request(request))
    }
}
