//! The node as tower services.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use squall_grpc::Incoming;
use tonic::body::Body;
use tonic::server::NamedService;
use tower_service::Service;

use super::{Node, answer};
use crate::method::{TIME_TRAVEL, TRANSPORT};

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The service of deliveries and spawns, for a tonic server: `Routes::new(node.transport_service())`. Clones are the same
/// service.
#[derive(Clone)]
pub struct TransportService(pub(super) Node);

/// The service of past states, for a tonic server. Clones are the same service.
#[derive(Clone)]
pub struct TimeTravelService(pub(super) Node);

impl NamedService for TransportService {
    const NAME: &'static str = TRANSPORT;
}

impl NamedService for TimeTravelService {
    const NAME: &'static str = TIME_TRAVEL;
}

impl<B> Service<Request<B>> for Node
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let node = self.clone();
        Box::pin(async move { Ok(answer::answer(node, request).await.into_tonic()) })
    }
}

/// On our server, without a layer in between, requests and answers count for its limits while they are held.
impl squall_grpc::Service for Node {
    fn call(&self, request: Request<Incoming>) -> squall_grpc::Answer {
        let node = self.clone();
        let request = request.map(Incoming::in_whole_messages);
        Box::pin(async move { answer::answer(node, request).await.into_ours() })
    }
}

/// A service of tonic's is the node under one name.
macro_rules! named {
    ($($service:ty),*) => {$(
        impl<B> Service<Request<B>> for $service
        where
            B: HttpBody<Data = Bytes> + Send + 'static,
            B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Answering;

            fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Service::<Request<B>>::poll_ready(&mut self.0, context)
            }

            fn call(&mut self, request: Request<B>) -> Answering {
                self.0.call(request)
            }
        }
    )*};
}

named!(TransportService, TimeTravelService);
