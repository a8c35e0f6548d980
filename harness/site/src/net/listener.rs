//! A listening socket.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use squall_platform::{Listener, Platform};
use squall_sim::{SimListener, SimPlatform};
use tokio::net;

use super::stream::Kind;
use super::{Address, TcpStream};
use crate::address;

/// A listening socket, like `tokio::net::TcpListener`.
#[derive(Debug)]
pub struct TcpListener(Bound);

#[derive(Debug)]
enum Bound {
    Simulated(SimListener),
    Real(net::TcpListener),
}

impl TcpListener {
    /// Listens at `address:port`; port 0 selects a free one. On a simulated host it is bound at all addresses of the
    /// host.
    ///
    /// # Errors
    /// I/O errors of the operating system: `AddrInUse` if the port is taken; `InvalidInput` if there is no port.
    pub async fn bind(address: impl Address) -> io::Result<Self> {
        let text = address.into_text();
        match squall_sim::process() {
            Some(process) => TcpListener::bind_on(&process, address::split(&text)?.1).await,
            None => TcpListener::bind_really(net::TcpListener::bind(text).await),
        }
    }

    /// Listens on a port of a simulated process.
    pub(crate) async fn bind_on(process: &SimPlatform, port: u16) -> io::Result<Self> {
        let listener = process.bind(port).await?;
        Ok(TcpListener(Bound::Simulated(listener)))
    }

    pub(crate) fn bind_really(bound: io::Result<net::TcpListener>) -> io::Result<Self> {
        bound.map(|listener| TcpListener(Bound::Real(listener)))
    }

    /// Accepts the next connection, with its peer's address.
    ///
    /// # Errors
    /// I/O errors of the operating system: an error concerns one connection, not the listener. On a simulated host,
    /// once the process is dead.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|context| self.poll_accept(context)).await
    }

    /// Accepts the next connection, if there is one. Of several waiting tasks, the last one is woken.
    ///
    /// # Errors
    /// As [`TcpListener::accept`].
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, peer) = match &self.0 {
            Bound::Simulated(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(context))?;
                (Kind::Simulated(stream), peer)
            }
            Bound::Real(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(context))?;
                (Kind::Real(stream), peer)
            }
        };
        Poll::Ready(Ok((TcpStream(stream), peer)))
    }

    /// The bound address.
    ///
    /// # Errors
    /// I/O errors of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Bound::Simulated(listener) => listener.local_addr(),
            Bound::Real(listener) => listener.local_addr(),
        }
    }
}
