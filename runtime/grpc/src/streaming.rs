//! tonic's clients over one of our connections: for streams, and for calls that are too rare to need the fast path.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use http_body::{Body as HttpBody, Frame};
use squall_platform::Authority;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use crate::Sender;
use crate::sender::{InFlight, Piece};

/// A connection in the form that tonic's generated clients take. Clones share the connection.
#[derive(Clone)]
pub struct Streaming {
    sender: Sender,
    peer: Authority,
}

impl Streaming {
    /// Wraps an open connection to `peer`. See [`crate::open`].
    pub fn new(sender: Sender, peer: Authority) -> Self {
        Streaming { sender, peer }
    }

    /// True once the connection takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Service<Request<Body>> for Streaming {
    type Response = Response<Incoming>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // A request that cannot be sent fails with the reason.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.peer.clone());
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from_parts(parts).expect("a scheme, an authority and a path make a URI");
        *request.version_mut() = Version::HTTP_2;
        let (head, body) = request.into_parts();
        let sender = self.sender.clone();
        Box::pin(async move {
            let in_flight = sender.call(None);
            let (response, stream) = sender.open(Request::from_parts(head, ()))?;
            // It continues while the response is not polled.
            sender.spawn(send(stream, body));
            let response = response.await.map_err(|error| sender.lost(&error, false))?;
            sender.shared().answered();
            Ok(response.map(|stream| Incoming {
                stream,
                sender,
                is_data: true,
                _in_flight: in_flight,
            }))
        })
    }
}

/// The body of a response, as it arrives.
pub struct Incoming {
    stream: RecvStream,
    sender: Sender,
    /// Trailers come after it.
    is_data: bool,
    _in_flight: InFlight,
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let it = &mut *self;
        if it.is_data {
            match ready!(it.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    it.sender.shared().answered();
                    let released = it.stream.flow_control().release_capacity(data.len());
                    let frame = released.map(|()| Frame::data(data));
                    return Poll::Ready(Some(frame.map_err(|error| it.sender.lost(&error, true))));
                }
                Some(Err(error)) => {
                    // A server that has answered may reset the rest of the request. Spec: RFC 9113, 8.1.
                    if error.is_reset() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR) {
                        return Poll::Ready(None);
                    }
                    return Poll::Ready(Some(Err(it.sender.lost(&error, true))));
                }
                None => it.is_data = false,
            }
        }
        Poll::Ready(match ready!(it.stream.poll_trailers(context)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => Some(Err(it.sender.lost(&error, true))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// Sends a request's body to its end, as the peer takes it.
async fn send(mut stream: SendStream<Piece>, mut body: Body) {
    loop {
        // A peer that has reset the request does not read the rest.
        let frame = poll_fn(|context| {
            if stream.poll_reset(context).is_ready() {
                return Poll::Ready(None);
            }
            Pin::new(&mut body).poll_frame(context).map(Some)
        });
        let Some(frame) = frame.await else { return };
        match frame {
            None => break,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    if send_data(&mut stream, data).await.is_none() {
                        return;
                    }
                }
                // gRPC clients send none.
                Err(_) => break,
            },
            Some(Err(_)) => return stream.send_reset(Reason::CANCEL),
        }
    }
    // The response reports errors.
    drop(stream.send_data(Piece::new(Bytes::new(), None), true));
}

/// `None` when the stream accepts no more bytes.
async fn send_data(stream: &mut SendStream<Piece>, mut data: Bytes) -> Option<()> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        if stream.capacity() == 0 {
            poll_fn(|context| stream.poll_capacity(context)).await?.ok()?;
            continue;
        }
        let piece = data.split_to(data.len().min(stream.capacity()));
        stream.send_data(Piece::new(piece, None), false).ok()?;
    }
    Some(())
}
