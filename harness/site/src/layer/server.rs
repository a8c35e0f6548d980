//! The layer of a server: records each handler.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{Body, CALL, from_header, parts};
use crate::events::{HEADER, Side, Span, Start};
use crate::site::Site;

/// Records the start and end of each request's handler.
#[derive(Debug, Clone)]
pub struct ServerLayer(Site);

impl ServerLayer {
    pub(crate) fn new(site: Site) -> Self {
        ServerLayer(site)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server {
            inner,
            site: self.0.clone(),
        }
    }
}

/// Services with recorded handlers.
#[derive(Debug, Clone)]
pub struct Server<S> {
    inner: S,
    site: Site,
}

impl<S, B, A> Service<Request<B>> for Server<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Error: fmt::Display,
{
    type Response = Response<Body<A>>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (call, parent) = numbers(request.headers()).unwrap_or((0, 0));
        let (service, method) = parts(request.uri().path());
        let start = Start {
            call,
            parent,
            peer: "",
            service,
            method,
        };
        let span = Span::started(&self.site, Side::Handler, &start);
        ServerFuture {
            inner: CALL.sync_scope(call, || self.inner.call(request)),
            span: Some(span),
        }
    }
}

/// A call and its parent, as sent by the caller.
fn numbers(headers: &HeaderMap) -> Option<(u64, u64)> {
    from_header(headers.get(HEADER)?.to_str().ok()?)
}

pin_project_lite::pin_project! {
    /// A running handler.
    pub struct ServerFuture<F> {
        #[pin]
        inner: F,
        span: Option<Span>,
    }
}

impl<F, A, E> Future for ServerFuture<F>
where
    F: Future<Output = Result<Response<A>, E>>,
    E: fmt::Display,
{
    type Output = Result<Response<Body<A>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let span = this.span.as_ref().expect("a future is not polled after its end");
        ready!(span.site().poll_turn(context));
        let answer = ready!(CALL.sync_scope(span.call(), || this.inner.poll(context)));
        let mut span = this.span.take().expect("seen above");
        Poll::Ready(match answer {
            Ok(answer) => Ok(Body::of(answer, span, true)),
            Err(error) => {
                span.ended_by(&error);
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ServerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFuture").finish_non_exhaustive()
    }
}
