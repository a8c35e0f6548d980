//! A peer that is about to go: requests sent so far are written before the peer learns that its GOAWAY was read.
//!
//! A server ends a connection in two steps. It sends a GOAWAY that names no last stream, and a PING. When that is
//! answered it assumes that it has all streams, and sends a GOAWAY that names the last one. The HTTP/2 library
//! answers pings first, and writes recently opened streams afterwards: these come too late. Most servers refuse them,
//! which costs another attempt each; Netty up to 4.1.48 ends the connection, with all calls in flight. Spec: RFC
//! 9113, 6.8; gRPC proposal A9.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
/// Of a frame's head.
const HEAD: usize = 9;

/// A stream that withholds the PING after a GOAWAY until all pending writes are done.
pub(crate) struct Orderly<S> {
    stream: S,
    frames: Frames,
    withheld: Vec<u8>,
    hold: Hold,
    /// The last write was blocked.
    is_blocked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    No,
    /// When nothing more is read, HTTP/2 writes its pending frames.
    Begins,
    /// It has done so, or was blocked.
    Writes,
}

impl<S> Orderly<S> {
    pub(crate) fn new(stream: S) -> Self {
        Orderly {
            stream,
            frames: Frames::default(),
            withheld: Vec::new(),
            hold: Hold::No,
            is_blocked: false,
        }
    }

    /// Returns the withheld bytes, once the time has come.
    fn release(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.hold {
            Hold::Begins => {
                self.hold = Hold::Writes;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // A blocked writer is woken when it can continue.
            Hold::Writes if self.is_blocked => return Poll::Pending,
            Hold::Writes | Hold::No => self.hold = Hold::No,
        }
        let count = self.withheld.len().min(buffer.remaining());
        buffer.put_slice(&self.withheld[..count]);
        self.withheld.drain(..count);
        if self.withheld.is_empty() {
            self.withheld = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Orderly<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let it = &mut *self;
        if !it.withheld.is_empty() {
            return it.release(context, buffer);
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut it.stream).poll_read(context, buffer);
        let Some(at) = it.frames.farewell(&buffer.filled()[before..]) else {
            return polled;
        };
        it.withheld = buffer.filled()[before + at..].to_vec();
        it.hold = Hold::Begins;
        buffer.set_filled(before + at);
        match at {
            // An empty read would mean the end of the stream.
            0 => it.release(context, buffer),
            _ => polled,
        }
    }
}

impl<S: AsyncWrite + Unpin> Orderly<S> {
    fn noted<T>(&mut self, polled: Poll<T>) -> Poll<T> {
        self.is_blocked = polled.is_pending();
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Orderly<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.noted(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Tracks frame boundaries in the received bytes, until the peer's goodbye.
#[derive(Default)]
struct Frames {
    /// The received part of the frame's head.
    head: [u8; HEAD],
    has: usize,
    /// The number of payload bytes still to come.
    payload: usize,
    is_leaving: bool,
    is_over: bool,
}

impl Frames {
    /// The offset in these bytes of the PING that follows a GOAWAY, if it does; 0 also if its first bytes came
    /// before.
    fn farewell(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() && !self.is_over {
            if self.payload > 0 {
                let count = self.payload.min(bytes.len() - at);
                self.payload -= count;
                at += count;
                continue;
            }
            let begins = at.saturating_sub(self.has);
            let count = (HEAD - self.has).min(bytes.len() - at);
            self.head[self.has..self.has + count].copy_from_slice(&bytes[at..at + count]);
            self.has += count;
            at += count;
            if self.has < HEAD {
                break;
            }
            self.has = 0;
            let [high, middle, low, kind, flags, ..] = self.head;
            self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
            match kind {
                GOAWAY => self.is_leaving = true,
                PING if self.is_leaving && flags & ACK == 0 => {
                    self.is_over = true;
                    return Some(begins);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0, (length >> 8) as u8, length as u8, kind, flags, 0, 0, 0, 0];
        // Any byte of a payload could look like the kind of a frame.
        frame.extend(std::iter::repeat_n(GOAWAY, length));
        frame
    }

    /// Feeds bytes in pieces of this size, and returns where the goodbye is found.
    fn found(bytes: &[u8], piece: usize) -> Option<usize> {
        let mut frames = Frames::default();
        let mut pieces = bytes.chunks(piece).enumerate();
        pieces.find_map(|(index, piece_of_it)| Some(index * piece + frames.farewell(piece_of_it)?))
    }

    proptest! {
        #[test]
        fn the_ping_after_a_goaway_is_found_however_bytes_come(
            before in proptest::collection::vec((prop_oneof![0..GOAWAY, Just(8u8)], 0..2u8, 0..700usize), 0..8),
            between in proptest::collection::vec((0..PING, 0..2u8, 0..40usize), 0..3),
            piece in 1..2000usize,
        ) {
            let bytes = |frames: &[(u8, u8, usize)]| -> Vec<u8> {
                frames.iter().flat_map(|&(kind, flags, length)| frame(kind, flags, length)).collect()
            };
            let mut all = bytes(&before);
            prop_assert_eq!(found(&all, piece), None, "nobody leaves");
            all.extend(frame(GOAWAY, 0, 8));
            all.extend(bytes(&between));
            all.extend(frame(PING, ACK, 8));
            prop_assert_eq!(found(&all, piece), None, "an answer asks for none");
            let begins = all.len();
            all.extend(frame(PING, 0, 8));
            let at = found(&all, piece).expect("it is there");
            // Not before its first byte, and before its head is complete.
            prop_assert!((begins..begins + HEAD).contains(&at), "{} of {}", at, begins);
        }
    }
}
