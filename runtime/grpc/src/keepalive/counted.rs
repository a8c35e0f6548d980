//! A stream that counts its reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum number of first bytes to keep: enough to recognise the peer's protocol.
const HEAD: usize = 8;

/// The reads of a stream. Clones share the counters.
///
/// Each message only increments a counter: reading a clock would cost more than the rest of a small read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    /// The first bytes, as a big-endian number.
    head: AtomicU64,
    head_length: AtomicU64,
}

impl Reads {
    /// The number of reads. Two equal counts mean that nothing came in between.
    pub(crate) fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// The first bytes, up to eight.
    pub(crate) fn head(&self) -> Vec<u8> {
        let head = self.0.head.load(Ordering::Relaxed).to_be_bytes();
        let length = usize::try_from(self.0.head_length.load(Ordering::Relaxed)).unwrap_or(HEAD);
        head[..length.min(HEAD)].to_vec()
    }

    fn came(&self, bytes: &[u8]) {
        // There is only one reader: nothing is lost between the two operations.
        let count = self.count();
        if self.0.head_length.load(Ordering::Relaxed) < HEAD as u64 {
            self.begins(bytes);
        }
        self.0.count.store(count + 1, Ordering::Relaxed);
    }

    #[cold]
    fn begins(&self, bytes: &[u8]) {
        let mut all = self.head();
        all.extend(bytes.iter().take(HEAD - all.len()));
        let mut head = [0; HEAD];
        head[..all.len()].copy_from_slice(&all);
        self.0.head.store(u64::from_be_bytes(head), Ordering::Relaxed);
        self.0.head_length.store(all.len() as u64, Ordering::Relaxed);
    }
}

/// A stream whose reads are counted.
pub(crate) struct Counted<S> {
    stream: S,
    reads: Reads,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S) -> (Self, Reads) {
        let reads = Reads::default();
        let counted = Counted {
            stream,
            reads: reads.clone(),
        };
        (counted, reads)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = &buffer.filled()[before..];
        if !came.is_empty() {
            self.reads.came(came);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_comes_is_counted_and_how_it_began_is_kept() {
        let (near, mut far) = duplex(64);
        let (mut near, reads) = Counted::new(near);
        assert_eq!((reads.count(), reads.head()), (0, vec![]));
        let mut buffer = [0; 16];
        for (sent, head) in [
            (&b"HTT"[..], &b"HTT"[..]),
            (b"P/1.1 400", b"HTTP/1.1"),
            (b"more", b"HTTP/1.1"),
        ] {
            let before = reads.count();
            far.write_all(sent).await.unwrap();
            assert_eq!(near.read(&mut buffer).await.unwrap(), sent.len());
            assert_eq!(reads.count(), before + 1);
            assert_eq!(reads.head(), head);
        }
        drop(far);
        let before = reads.count();
        assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(reads.count(), before, "an end is no sign of life");
    }
}
