//! Halves of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use squall_sim::SimStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp;

/// The read half of [`TcpStream::split`](super::TcpStream::split).
#[derive(Debug)]
pub enum ReadHalf<'s> {
    #[doc(hidden)]
    Simulated(&'s SimStream),
    #[doc(hidden)]
    Real(tcp::ReadHalf<'s>),
}

/// The write half of [`TcpStream::split`](super::TcpStream::split).
#[derive(Debug)]
pub enum WriteHalf<'s> {
    #[doc(hidden)]
    Simulated(&'s SimStream),
    #[doc(hidden)]
    Real(tcp::WriteHalf<'s>),
}

/// The read half of [`TcpStream::into_split`](super::TcpStream::into_split).
#[derive(Debug)]
pub struct OwnedReadHalf(Owned<tcp::OwnedReadHalf>);

/// The write half of [`TcpStream::into_split`](super::TcpStream::into_split). Dropping it shuts down the writing side.
#[derive(Debug)]
pub struct OwnedWriteHalf(Owned<tcp::OwnedWriteHalf>);

#[derive(Debug)]
enum Owned<R> {
    Simulated(Arc<SimStream>),
    Real(R),
}

impl OwnedReadHalf {
    pub(super) fn simulated(stream: Arc<SimStream>) -> Self {
        OwnedReadHalf(Owned::Simulated(stream))
    }

    pub(super) fn real(half: tcp::OwnedReadHalf) -> Self {
        OwnedReadHalf(Owned::Real(half))
    }
}

impl OwnedWriteHalf {
    pub(super) fn simulated(stream: Arc<SimStream>) -> Self {
        OwnedWriteHalf(Owned::Simulated(stream))
    }

    pub(super) fn real(half: tcp::OwnedWriteHalf) -> Self {
        OwnedWriteHalf(Owned::Real(half))
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if let Owned::Simulated(stream) = &self.0 {
            // It completes at once. An error has no receiver any more.
            let mut context = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut &**stream).poll_shutdown(&mut context);
        }
    }
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            ReadHalf::Simulated(stream) => Pin::new(stream).poll_read(context, buffer),
            ReadHalf::Real(half) => Pin::new(half).poll_read(context, buffer),
        }
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Owned::Simulated(stream) => Pin::new(&mut &**stream).poll_read(context, buffer),
            Owned::Real(half) => Pin::new(half).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            WriteHalf::Simulated(stream) => Pin::new(stream).poll_write(context, bytes),
            WriteHalf::Real(half) => Pin::new(half).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WriteHalf::Simulated(stream) => Pin::new(stream).poll_flush(context),
            WriteHalf::Real(half) => Pin::new(half).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WriteHalf::Simulated(stream) => Pin::new(stream).poll_shutdown(context),
            WriteHalf::Real(half) => Pin::new(half).poll_shutdown(context),
        }
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Owned::Simulated(stream) => Pin::new(&mut &**stream).poll_write(context, bytes),
            Owned::Real(half) => Pin::new(half).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Owned::Simulated(stream) => Pin::new(&mut &**stream).poll_flush(context),
            Owned::Real(half) => Pin::new(half).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Owned::Simulated(stream) => Pin::new(&mut &**stream).poll_shutdown(context),
            Owned::Real(half) => Pin::new(half).poll_shutdown(context),
        }
    }
}
