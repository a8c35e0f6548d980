//! The layer of a channel: records each call.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{Body, current_call, parts, to_header};
use crate::events::{HEADER, Side, Span, Start};
use crate::site::Site;

/// Records the start and end of each call through a channel, and sends its number in a header.
#[derive(Debug, Clone)]
pub struct ClientLayer {
    site: Site,
    peer: Arc<str>,
}

impl ClientLayer {
    pub(crate) fn new(site: Site) -> Self {
        ClientLayer {
            site,
            peer: "".into(),
        }
    }

    /// The server of the channel, for events: a channel adds the authority to a request only behind its layers.
    #[must_use]
    pub fn to(mut self, peer: &str) -> Self {
        self.peer = peer.into();
        self
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client {
            inner,
            layer: self.clone(),
        }
    }
}

/// A channel with recorded calls.
#[derive(Debug, Clone)]
pub struct Client<S> {
    inner: S,
    layer: ClientLayer,
}

impl<S, B, A> Service<Request<B>> for Client<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Error: fmt::Display,
{
    type Response = Response<Body<A>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.layer.site.poll_turn(context));
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let ClientLayer { site, peer } = &self.layer;
        let (call, parent) = (site.random_u64().max(1), current_call());
        let uri = request.uri();
        let (service, method) = parts(uri.path());
        let of_uri = uri.authority().map_or("", |authority| authority.as_str());
        let start = Start {
            call,
            parent,
            peer: if peer.is_empty() { of_uri } else { peer },
            service,
            method,
        };
        let span = Span::started(site, Side::Call, &start);
        let header = HeaderValue::try_from(to_header(call, parent)).expect("hexadecimal digits");
        request.headers_mut().insert(HEADER, header);
        ClientFuture {
            inner: self.inner.call(request),
            span: Some(span),
        }
    }
}

pin_project_lite::pin_project! {
    /// A call in flight.
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        span: Option<Span>,
    }
}

impl<F, A, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<A>, E>>,
    E: fmt::Display,
{
    type Output = Result<Response<Body<A>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(span) = this.span {
            ready!(span.site().poll_turn(context));
        }
        let answer = ready!(this.inner.poll(context));
        let mut span = this.span.take().expect("a future is not polled after its end");
        Poll::Ready(match answer {
            Ok(answer) => Ok(Body::of(answer, span, false)),
            Err(error) => {
                span.ended_by(&error);
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ClientFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFuture").finish_non_exhaustive()
    }
}
