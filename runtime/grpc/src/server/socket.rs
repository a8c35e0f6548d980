//! A connection's socket, as passed to HTTP/2: it closes with care, and reports reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::pings::{PingPolicy, Pings};

/// How long a peer without a pending response may leave its end open after ours is shut.
const LINGER: Duration = Duration::from_secs(1);
/// How long a peer that was sent a response at the end may be silent while its end is open. Either it has the
/// response, or it is reading: then on a link of 100 kbit/s its WINDOW_UPDATEs are no further apart.
const LINGER_READING: Duration = Duration::from_secs(45);
/// The number of late bytes that are read at a time.
const DISCARDED: usize = 4096;
/// The number of reads in a row before others run. Frames that come close together are read 8 KiB at a time, which
/// may be 130 requests. Large ones are read whole. One read would not be enough: a peer with little load would be
/// interrupted each time, for nothing.
const READS_AT_ONCE: usize = 2;

/// The shared state of the two sides of a [`Socket`]: HTTP/2 owns the socket, out of reach of the connection's
/// driver.
#[derive(Default)]
pub(super) struct Shared {
    reads: AtomicU64,
    answered_late: AtomicBool,
    ending: AtomicBool,
    too_many_pings: AtomicBool,
    blocked: AtomicBool,
    held: AtomicBool,
}

impl Shared {
    /// Nothing more is read until this is reset, so that the read requests are processed first. Resetting wakes no
    /// task.
    pub(super) fn hold_reading(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    /// Whether reading is held.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether a write was blocked since the last query.
    pub(super) fn take_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) && self.blocked.swap(false, Ordering::Relaxed)
    }

    /// The number of reads: any byte is a sign of life.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// True once nothing more is written on it, including pings.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// True once the peer has pinged too often, if the server checks that.
    pub(super) fn are_too_many_pings(&self) -> bool {
        self.too_many_pings.load(Ordering::Relaxed)
    }

    /// The peer may still be reading a response when the connection ends.
    pub(super) fn answers_late(&self) {
        self.answered_late.store(true, Ordering::Relaxed);
    }
}

/// A socket that is not closed before its peer has read everything.
///
/// If it is closed while the peer still sends, even WINDOW_UPDATEs for the bytes that it reads, the kernel answers
/// with RST and discards unsent bytes. So it is shut for writing first, and incoming bytes are read until the peer
/// has closed its end, too, or enough time has passed.
///
/// ```text
///   Open --shutdown--> Shutting --FIN is sent--> Lingering --peer has closed, or silence--> Closed
/// ```
pub(super) struct Socket<S> {
    stream: S,
    shared: Arc<Shared>,
    pings: Option<Box<Policed>>,
    /// The number of reads since it was last empty, or others ran.
    reads: usize,
    end: End,
}

/// The check of a client's pings, and the rest of the GOAWAY for one that pings too often.
struct Policed {
    pings: Pings,
    said: Vec<u8>,
}

enum End {
    Open,
    Lingering(Pin<Box<Sleep>>),
    Closed,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>, policy: Option<PingPolicy>) -> Self {
        let policed = |policy| Policed {
            pings: Pings::new(policy),
            said: Vec::new(),
        };
        Socket {
            stream,
            shared,
            pings: policy.map(policed).map(Box::new),
            reads: 0,
            end: End::Open,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Writes the pending GOAWAY to a client that pings too often.
    fn poll_said(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(policed) = &mut self.pings else {
            return Poll::Ready(Ok(()));
        };
        while !policed.said.is_empty() {
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write(context, &policed.said))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(policed.said.drain(..written)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Notes whether the peer does not read.
    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() {
            self.shared.blocked.store(true, Ordering::Relaxed);
        }
        written
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let reading = self.shared.answered_late.load(Ordering::Relaxed);
        let patience = if reading { LINGER_READING } else { LINGER };
        if let End::Open = self.end {
            self.end = End::Lingering(Box::pin(sleep_until(Instant::now() + patience)));
        }
        let End::Lingering(timer) = &mut self.end else {
            return Poll::Ready(());
        };
        let mut space = [0; DISCARDED];
        // A peer that floods also has to yield.
        for _ in 0..READS_AT_ONCE {
            if timer.as_mut().poll(context).is_ready() {
                self.end = End::Closed;
                return Poll::Ready(());
            }
            let mut discarded = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut discarded)) {
                Ok(()) if !discarded.filled().is_empty() => {
                    if reading {
                        timer.as_mut().reset(Instant::now() + patience);
                    }
                }
                _ => {
                    self.end = End::Closed;
                    return Poll::Ready(());
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let socket = &mut *self;
        if socket.shared.is_held() {
            return Poll::Pending;
        }
        if socket.reads >= READS_AT_ONCE {
            socket.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = Pin::new(&mut socket.stream).poll_read(context, buffer);
        socket.reads = if read.is_ready() { socket.reads + 1 } else { 0 };
        if read.is_ready() {
            socket.shared.reads.fetch_add(1, Ordering::Relaxed);
            if let Some(policed) = &mut socket.pings {
                policed.pings.came(&buffer.filled()[before..]);
                if policed.pings.are_too_many() {
                    socket.shared.too_many_pings.store(true, Ordering::Relaxed);
                }
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(policed) = &mut self.pings else {
            let written = Pin::new(&mut self.stream).poll_write(context, bytes);
            return self.noted(written);
        };
        let mut most = bytes.len();
        if policed.pings.are_too_many() {
            if let Some((said, length)) = policed.pings.reasoned(bytes) {
                policed.said = said;
                policed.pings.went(&bytes[..length]);
                // Bytes that cannot be written now are written with the next ones: the socket is shut after them.
                return match self.poll_said(context) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Ready(Ok(length)),
                };
            }
            most = policed.pings.before_goaway(bytes);
        }
        ready!(self.poll_said(context))?;
        let written = Pin::new(&mut self.stream).poll_write(context, &bytes[..most]);
        let written = ready!(self.noted(written))?;
        if let Some(policed) = &mut self.pings {
            policed.pings.went(&bytes[..written]);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        // Bytes that are scanned must be in one piece.
        self.pings.is_none() && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_said(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.ending.store(true, Ordering::Relaxed);
        ready!(self.poll_said(context))?;
        if let End::Open = self.end {
            match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        self.poll_linger(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    use super::*;

    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_peer_that_floods_has_its_turns_and_others_theirs() {
        let woken = Arc::new(Counted(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        // There is always more to read.
        let flood = tokio::io::join(tokio::io::repeat(0), tokio::io::sink());
        let mut socket = Socket::new(flood, Arc::default(), None);
        for turn in 1..=3 {
            let mut reads = 0;
            loop {
                let mut space = [0; 8];
                let read = Pin::new(&mut socket).poll_read(&mut context, &mut ReadBuf::new(&mut space));
                if read.is_pending() {
                    break;
                }
                reads += 1;
                assert!(reads <= READS_AT_ONCE, "it goes on and on");
            }
            assert_eq!(reads, READS_AT_ONCE);
            assert_eq!(woken.0.load(Ordering::Relaxed), turn, "it has another turn");
        }
    }
}
