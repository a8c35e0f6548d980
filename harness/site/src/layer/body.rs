//! The body of a response, with the status in its trailers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{CALL, status};
use crate::events::Span;

pin_project_lite::pin_project! {
    /// The body of a response that records its end. On the server it is polled within the call, like the handler.
    pub struct Body<B> {
        #[pin]
        inner: B,
        span: Span,
        is_within: bool,
    }
}

impl<B> Body<B> {
    /// The response, which has already ended if it is trailers-only.
    pub(super) fn of(answer: Response<B>, mut span: Span, is_within: bool) -> Response<Self> {
        if let Some(code) = status(answer.headers()) {
            span.ended_with_status(code);
        }
        answer.map(|inner| Body {
            inner,
            span,
            is_within,
        })
    }
}

impl<B> HttpBody for Body<B>
where
    B: HttpBody,
    B::Error: fmt::Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        ready!(this.span.site().poll_turn(context));
        let frame = if *this.is_within {
            CALL.sync_scope(this.span.call(), || this.inner.poll_frame(context))
        } else {
            this.inner.poll_frame(context)
        };
        let frame = ready!(frame);
        match &frame {
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(status) {
                    this.span.ended_with_status(code);
                }
            }
            Some(Err(error)) => this.span.ended_by(error),
            None => this.span.ended_by(&"the answer ended without a gRPC status"),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Body").field(&self.inner).finish()
    }
}
