//! The source of a server's connections.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;

use crate::net::{TcpListener, TcpStream};

/// The connections of a listener, for `tonic::transport::Server::serve_with_incoming` and the like. It never ends.
///
/// Handlers get their peer's address as on any TCP connection: by `tonic::Request::remote_addr`.
#[derive(Debug)]
pub struct Incoming(TcpListener);

impl Incoming {
    /// The bound address.
    ///
    /// # Errors
    /// I/O errors of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl From<TcpListener> for Incoming {
    fn from(listener: TcpListener) -> Self {
        Incoming(listener)
    }
}

impl Stream for Incoming {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (stream, _) = ready!(self.0.poll_accept(context))?;
        // tonic's own server has the same default.
        stream.set_nodelay(true)?;
        Poll::Ready(Some(Ok(stream)))
    }
}
