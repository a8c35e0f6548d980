//! One end of a flow: the kernel's state of a connection on one host.
//!
//! ```text
//!   unborn ----establish----> open <----establish---- connecting
//!                              | shutdown: writes end, reads go on
//!                              | close (the handle is dropped): FIN after what is unsent, or RST when data is unread
//!                              | data for a closed socket: RST, and what is unsent is dropped
//!                              v
//!                        done when both FINs arrived, or gone
//! ```

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

use crate::engine::Owner;
use crate::link::Pipe;
use crate::observe::Closed;
use crate::segment::Body;

/// The initial window: bytes that may be in transit or unread, each way, unless the links need more.
const WINDOW: u64 = 256 * 1024;
/// The maximum window: Linux's default for `tcp_wmem`, the smaller of both ends' limits.
const WINDOW_MAX: u64 = 4 * 1024 * 1024;
/// The send buffer: bytes that wait in the kernel for room in the window. Beyond it, writers wait.
const UNSENT: u64 = squall_platform::UNSENT_MAX as u64;
/// On a link with a bandwidth, a segment has what fits into a millisecond, within these limits, so that a large write
/// arrives gradually. Linux does the same: it passes a millisecond's worth to a network card, at most 64 KiB
/// (`tcp_tso_autosize`).
const PIECE: std::ops::RangeInclusive<u64> = 4 * 1024..=64 * 1024;
/// The minimum window on a link with a bandwidth: Linux's default for `tcp_rmem`.
const WINDOW_MIN: u64 = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server's end before the connect segment arrives.
    Unborn,
    /// The client's end before the accept segment arrives. Holds the requested port.
    Connecting { port: u16, asked: bool },
    /// Established.
    Open,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) owner: Owner,
    pub(super) local: SocketAddr,
    /// An application holds a handle, or will after its accept.
    pub(super) is_open: bool,
    /// The kernel has dropped the connection: a reset was sent or received, or the machine died.
    pub(super) is_gone: bool,
    /// This end's FIN has arrived at the other.
    pub(super) fin_arrived: bool,
    /// It is in the engine's list of ends with something to send.
    pub(super) is_queued: bool,
    /// The current window.
    window: u64,
    /// The maximum window.
    window_max: u64,
    /// Bytes read before a window update is sent.
    report_after: u64,
    /// The maximum payload of a segment.
    piece: usize,
    /// Bytes that the application has read.
    pub(super) consumed: u64,
    stage: Stage,
    received: VecDeque<Bytes>,
    unread: u64,
    end_of_stream: bool,
    /// To be reported once, by the next read or write.
    error: Option<io::ErrorKind>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Unsent bytes: written within this step, or beyond the window.
    output: BytesMut,
    /// Bytes that have left this kernel.
    sent: u64,
    /// Bytes read by the other end's application, as known to this kernel.
    credited: u64,
    /// The last value of `consumed` sent to the other kernel.
    reported: u64,
    write_closed: bool,
    fin_sent: bool,
}

impl End {
    fn new(owner: Owner, local: SocketAddr, stage: Stage, is_open: bool) -> Self {
        End {
            owner,
            local,
            is_open,
            is_gone: false,
            fin_arrived: false,
            is_queued: false,
            window: WINDOW,
            window_max: WINDOW_MAX,
            report_after: WINDOW / 2,
            piece: usize::MAX,
            consumed: 0,
            stage,
            received: VecDeque::new(),
            unread: 0,
            end_of_stream: false,
            error: None,
            reader: None,
            writer: None,
            output: BytesMut::new(),
            sent: 0,
            credited: 0,
            reported: 0,
            write_closed: false,
            fin_sent: false,
        }
    }

    pub(super) fn connecting(owner: Owner, local: SocketAddr, port: u16) -> Self {
        End::new(owner, local, Stage::Connecting { port, asked: false }, true)
    }

    pub(super) fn unborn(owner: Owner, local: SocketAddr) -> Self {
        End::new(owner, local, Stage::Unborn, false)
    }

    pub(super) fn establish(&mut self, wakers: &mut Vec<Waker>) {
        if self.stage == Stage::Unborn {
            self.is_open = true;
        }
        self.stage = Stage::Open;
        wakers.extend(self.writer.take());
    }

    /// Sizes the window for a link with a bandwidth: what fills it, plus some pieces. A window update is sent for every
    /// second piece, as in TCP, and one is in transit. The window does not grow: more bytes would only queue before the
    /// link.
    pub(super) fn fit(&mut self, pipe: Pipe) {
        let piece = pipe.millisecond.clamp(*PIECE.start(), *PIECE.end());
        self.window = (pipe.round_trip + 4 * piece).clamp(WINDOW_MIN, WINDOW_MAX);
        self.window_max = self.window;
        self.report_after = 2 * piece;
        self.piece = piece as usize;
    }

    /// This end is open, or was.
    pub(super) fn is_established(&self) -> bool {
        self.stage == Stage::Open
    }

    /// No connect segment has arrived for this end: it is on no machine yet.
    pub(super) fn is_unborn(&self) -> bool {
        self.stage == Stage::Unborn
    }

    /// Nothing more will be sent or received by this end. `peer` is the other one.
    pub(super) fn is_done(&self, peer: &End) -> bool {
        let finished = self.fin_arrived && (self.end_of_stream || peer.is_gone);
        !self.is_open && (self.is_gone || finished || (self.stage == Stage::Unborn && !peer.is_open))
            || (self.stage == Stage::Unborn && peer.is_gone)
    }

    pub(super) fn poll_connected(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.stage == Stage::Open {
            return Poll::Ready(Ok(()));
        }
        self.writer = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What arrived before a reset can still be read, as on Linux. An empty buffer waits as any other.
        if self.unread > 0 {
            self.copy_to(buffer);
            return Poll::Ready(Ok(()));
        }
        // After the end of the stream a read never fails: a write reports a later reset.
        if self.end_of_stream {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.is_gone {
            return Poll::Ready(Ok(()));
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn copy_to(&mut self, buffer: &mut ReadBuf<'_>) {
        let before = buffer.remaining();
        while let Some(front) = self.received.front_mut() {
            let count = front.len().min(buffer.remaining());
            buffer.put_slice(&front[..count]);
            front.advance(count);
            if front.is_empty() {
                self.received.pop_front();
            }
            if buffer.remaining() == 0 {
                break;
            }
        }
        let count = (before - buffer.remaining()) as u64;
        self.unread -= count;
        self.consumed += count;
    }

    /// The other end may have exhausted its window, and needs an update.
    pub(super) fn owes_window(&self) -> bool {
        self.consumed - self.reported >= self.report_after && !self.end_of_stream && !self.is_gone
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if self.is_gone || self.write_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let room = (self.room() + UNSENT).saturating_sub(self.output.len() as u64) as usize;
        if room == 0 && wanted > 0 {
            self.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let mut left = wanted.min(room);
        let count = left;
        for buffer in buffers {
            let take = left.min(buffer.len());
            self.output.extend_from_slice(&buffer[..take]);
            left -= take;
        }
        Poll::Ready(Ok(count))
    }

    /// Bytes that may be sent now.
    fn room(&self) -> u64 {
        self.window.saturating_sub(self.sent - self.credited)
    }

    /// Takes what may be sent now.
    fn take_sendable(&mut self) -> Bytes {
        let count = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let count = count.min(self.output.len());
        self.sent += count as u64;
        self.output.split_to(count).freeze()
    }

    /// Buffered bytes fit into the window now.
    pub(super) fn is_blocked(&self) -> bool {
        !self.output.is_empty() && !self.is_gone
    }

    /// Shuts down the writing side. Ok on a dead connection too: tokio hides Linux's `NotConnected`.
    pub(super) fn shutdown(&mut self) {
        self.write_closed = true;
    }

    /// The application drops its handle, or its process dies. Unread data causes a reset: earlier writes within the
    /// window are sent before it, and returned.
    pub(super) fn close(&mut self, wakers: &mut Vec<Waker>) -> Option<Bytes> {
        self.is_open = false;
        self.wake_both(wakers);
        if self.is_gone {
            return None;
        }
        if self.unread > 0 {
            let unsent = self.take_sendable();
            self.abandon(wakers);
            return Some(unsent);
        }
        if matches!(self.stage, Stage::Connecting { .. }) {
            // An accept in transit is answered with a reset.
            self.abandon(wakers);
            return None;
        }
        self.write_closed = true;
        None
    }

    /// The kernel drops the connection silently.
    pub(super) fn abandon(&mut self, wakers: &mut Vec<Waker>) {
        self.is_open = false;
        self.is_gone = true;
        self.wake_both(wakers);
        self.received.clear();
        self.unread = 0;
        self.output.clear();
    }

    /// Tasks that still wait find the socket closed: a task that outlives its process must not wait forever.
    fn wake_both(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.reader.take());
        wakers.extend(self.writer.take());
    }

    /// The connection broke: the application gets the error once.
    pub(super) fn fail(&mut self, error: io::ErrorKind, wakers: &mut Vec<Waker>) {
        self.is_gone = true;
        self.output.clear();
        if self.is_open {
            self.error = Some(error);
            self.wake_both(wakers);
        }
    }

    /// The meaning of a reset for this end, by its state.
    pub(super) fn meaning_of_reset(&self) -> (io::ErrorKind, Closed) {
        match self.stage {
            Stage::Connecting { .. } => (io::ErrorKind::ConnectionRefused, Closed::Refused),
            _ if self.end_of_stream => (io::ErrorKind::BrokenPipe, Closed::Reset),
            _ => (io::ErrorKind::ConnectionReset, Closed::Reset),
        }
    }

    pub(super) fn receive(&mut self, bytes: Bytes, wakers: &mut Vec<Waker>) {
        self.unread += bytes.len() as u64;
        self.received.push_back(bytes);
        wakers.extend(self.reader.take());
    }

    pub(super) fn receive_fin(&mut self, wakers: &mut Vec<Waker>) {
        self.end_of_stream = true;
        wakers.extend(self.reader.take());
    }

    pub(super) fn credit(&mut self, consumed: u64, wakers: &mut Vec<Waker>) {
        if consumed > self.credited {
            if self.is_blocked() && self.room() == 0 {
                // Like slow start and the receiver's autotuning: doubled each round trip.
                self.window = (self.window + consumed - self.credited).min(self.window_max);
            }
            self.credited = consumed;
            if self.stage == Stage::Open {
                wakers.extend(self.writer.take());
            }
        }
    }

    /// Takes what this end has to send, in order.
    pub(super) fn take_output(&mut self, mut send: impl FnMut(u64, Body)) {
        self.is_queued = false;
        if self.is_gone {
            return;
        }
        match &mut self.stage {
            Stage::Connecting { port, asked } => {
                if !std::mem::replace(asked, true) {
                    send(0, Body::Connect { port: *port });
                }
                return;
            }
            Stage::Unborn => return,
            Stage::Open => {}
        }
        let mut sendable = self.take_sendable();
        while !sendable.is_empty() {
            self.reported = self.consumed;
            let piece = sendable.len().min(self.piece);
            send(self.consumed, Body::Data(sendable.split_to(piece)));
        }
        if self.write_closed && !self.fin_sent && self.output.is_empty() {
            self.fin_sent = true;
            self.reported = self.consumed;
            send(self.consumed, Body::Fin);
        } else if self.owes_window() {
            self.reported = self.consumed;
            send(self.consumed, Body::Window);
        }
    }
}
