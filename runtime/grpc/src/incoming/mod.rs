//! The body of an incoming message.

mod whole;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame};
use tokio::time::Instant;
use tonic::Status;

use crate::server::Account;
use whole::Whole;

/// A body that is read as it arrives: reading permits the peer to send as much again.
///
/// If the peer resets the stream, the body ends as if it were complete: its messages show the missing part.
pub struct Incoming {
    stream: RecvStream,
    arrived: Instant,
    account: Arc<Account>,
    data_ended: bool,
    /// Collects messages until they are complete, if requested.
    whole: Option<Box<Whole>>,
}

impl Incoming {
    /// The body whose headers `arrived` at that time, on the connection of this account.
    pub(crate) fn new(stream: RecvStream, arrived: Instant, account: Arc<Account>) -> Self {
        Incoming {
            stream,
            arrived,
            account,
            data_ended: false,
            whole: None,
        }
    }

    /// The same, but each message is passed on only when it is complete, and its bytes count for the server's limits for
    /// as long as the body is kept. Once begun, it must be complete within the server's limit. Messages of more than
    /// 4 MiB are passed on as they come.
    pub fn in_whole_messages(self) -> Self {
        let whole = Whole::new(&self.account);
        Incoming {
            whole: Some(Box::new(whole)),
            ..self
        }
    }

    /// When its headers came: their deadline counts from then on.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The memory account of its connection.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        while !self.data_ended {
            let Poll::Ready(data) = self.stream.poll_data(context) else {
                let late = self.whole.as_mut().map(|it| it.poll_late(context));
                return match late {
                    Some(Poll::Ready(late)) => Poll::Ready(Some(Err(late))),
                    _ => Poll::Pending,
                };
            };
            match data {
                Some(Ok(mut data)) => {
                    // Fails for a stream that has ended, which needs no window.
                    drop(self.stream.flow_control().release_capacity(data.len()));
                    if let Some(whole) = &mut self.whole {
                        data = match whole.push(data) {
                            Ok(data) if data.is_empty() => continue,
                            Ok(data) => data,
                            Err(error) => return Poll::Ready(Some(Err(error))),
                        };
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    return Poll::Ready(match error.reason() {
                        Some(Reason::NO_ERROR | Reason::CANCEL) => None,
                        _ => Some(Err(Status::from_error(error.into()))),
                    });
                }
                None => {
                    self.data_ended = true;
                    let rest = self.whole.as_mut().map(|it| it.rest());
                    if let Some(rest) = rest.filter(|it| !it.is_empty()) {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
        }
        let trailers = ready!(self.stream.poll_trailers(context));
        let trailers = trailers.map_err(|error| Status::from_error(error.into()));
        Poll::Ready(trailers.transpose().map(|it| it.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        // Collected bytes still have to be passed on.
        self.whole.is_none() && self.stream.is_end_stream()
    }
}
