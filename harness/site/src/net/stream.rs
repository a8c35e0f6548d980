//! A connection.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use squall_platform::{Authority, Platform};
use squall_sim::{SimPlatform, SimStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net;
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::{Address, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::address;

/// A connection, like `tokio::net::TcpStream`.
#[derive(Debug)]
pub struct TcpStream(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Simulated(SimStream),
    Real(net::TcpStream),
}

impl TcpStream {
    /// Opens a connection to `host:port`.
    ///
    /// # Errors
    /// I/O errors of the operating system: `ConnectionRefused`, `TimedOut`, `HostUnreachable`; `InvalidInput` if there
    /// is no port.
    pub async fn connect(to: impl Address) -> io::Result<Self> {
        let to = to.into_text();
        match squall_sim::process() {
            Some(process) => TcpStream::connect_from(&process, &to).await,
            None => TcpStream::connect_really(net::TcpStream::connect(to).await),
        }
    }

    /// Opens a connection from a simulated process.
    pub(crate) async fn connect_from(process: &SimPlatform, to: &str) -> io::Result<Self> {
        let (host, port) = address::split(to)?;
        let here = process.address().to_string();
        let host = if address::is_here(host) { &here } else { host };
        let authority = Authority::try_from(format!("{host}:{port}"));
        let authority = authority.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = process.connect(&authority).await?;
        Ok(TcpStream(Kind::Simulated(stream)))
    }

    pub(crate) fn connect_really(connected: io::Result<net::TcpStream>) -> io::Result<Self> {
        connected.map(|stream| TcpStream(Kind::Real(stream)))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// I/O errors of the operating system; on a simulated host, once both ends have finished the connection.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Simulated(stream) => stream.local_addr(),
            Kind::Real(stream) => stream.local_addr(),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// I/O errors of the operating system; on a simulated host, once both ends have finished the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Simulated(stream) => stream.peer_addr(),
            Kind::Real(stream) => stream.peer_addr(),
        }
    }

    /// Whether small writes are sent at once. On a simulated host they always are.
    ///
    /// # Errors
    /// I/O errors of the operating system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match &self.0 {
            Kind::Simulated(_) => Ok(()),
            Kind::Real(stream) => stream.set_nodelay(nodelay),
        }
    }

    /// The setting of [`TcpStream::set_nodelay`].
    ///
    /// # Errors
    /// I/O errors of the operating system.
    pub fn nodelay(&self) -> io::Result<bool> {
        match &self.0 {
            Kind::Simulated(_) => Ok(true),
            Kind::Real(stream) => stream.nodelay(),
        }
    }

    /// A read half and a write half, for one task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        match &mut self.0 {
            Kind::Simulated(stream) => (ReadHalf::Simulated(stream), WriteHalf::Simulated(stream)),
            Kind::Real(stream) => {
                let (read, write) = stream.split();
                (ReadHalf::Real(read), WriteHalf::Real(write))
            }
        }
    }

    /// A read half and a write half, for separate tasks. Dropping the write half shuts down the writing side.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        match self.0 {
            Kind::Simulated(stream) => {
                let stream = Arc::new(stream);
                (
                    OwnedReadHalf::simulated(stream.clone()),
                    OwnedWriteHalf::simulated(stream),
                )
            }
            Kind::Real(stream) => {
                let (read, write) = stream.into_split();
                (OwnedReadHalf::real(read), OwnedWriteHalf::real(write))
            }
        }
    }
}

impl Connected for TcpStream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo {
            local_addr: self.local_addr().ok(),
            remote_addr: self.peer_addr().ok(),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Simulated(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Real(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Simulated(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Real(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Simulated(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Kind::Real(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Simulated(stream) => Pin::new(stream).poll_flush(context),
            Kind::Real(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Simulated(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Real(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
