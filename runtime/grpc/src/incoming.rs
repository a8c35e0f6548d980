//! The body of a message as it comes in.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame};
use tokio::time::Instant;

/// A body that is read as it arrives: what is taken from it gives the peer leave to send as much again.
///
/// A peer that gives the stream up ends the body, as if it were whole: what is missing shows in its messages.
pub struct Incoming {
    stream: RecvStream,
    arrived: Instant,
    data_ended: bool,
}

impl Incoming {
    /// The body whose headers `arrived` then.
    pub(crate) fn new(stream: RecvStream, arrived: Instant) -> Self {
        Incoming {
            stream,
            arrived,
            data_ended: false,
        }
    }

    /// When its headers came: a deadline that they name counts from then on.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // It fails for a stream that has ended, which needs no window.
                    drop(self.stream.flow_control().release_capacity(data.len()));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    return Poll::Ready(match error.reason() {
                        Some(Reason::NO_ERROR | Reason::CANCEL) => None,
                        _ => Some(Err(error)),
                    });
                }
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(context));
        Poll::Ready(trailers.transpose().map(|it| it.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
