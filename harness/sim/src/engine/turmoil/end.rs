//! One end of a flow: the handle of its stack's socket, and state outside of the stack.
//!
//! A broken connection is handled here and no longer by its stack, as on Linux: what arrived before the reset can still
//! be read, and the error is reported once.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::shim::tokio::net::TcpStream;

use super::RECEIVE_BUFFER;
use super::wake::{Whom, Woken};
use super::wire::Taken;
use crate::engine::Owner;
use crate::observe::Closed;
use crate::segment::{Body, Direction, FlowId, Header};

pub(super) type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The handle of a socket, if we own it.
pub(super) enum Handle {
    /// The server's end: owned by the stack until it is accepted.
    InStack,
    Connecting(Connecting),
    Open(TcpStream),
    /// The application has closed it, or the connection broke before it was open.
    Dropped,
}

pub(super) struct End {
    pub(super) owner: Owner,
    pub(super) handle: Handle,
    /// Its address in the stack. `None` before its first segment.
    pub(super) place: Option<SocketAddr>,
    /// An application holds a handle, or will after its accept.
    pub(super) is_open: bool,
    /// The kernel has dropped the connection: a reset was sent or received, or the machine died.
    pub(super) is_gone: bool,
    /// No connect segment has arrived for this end: it is on no machine yet.
    pub(super) is_unborn: bool,
    /// This end's FIN has arrived at the other.
    pub(super) fin_arrived: bool,
    /// It is in the engine's list of ends whose application has read.
    pub(super) is_reader: bool,
    /// The last batch of segments to which this end contributed.
    pub(super) spoke_in: u64,
    /// Bytes in the stack that the application has not read.
    pub(super) unread: usize,
    /// The acknowledgement of its FIN has arrived here: its stack has finished.
    fin_acknowledged: bool,
    /// The other end's FIN has arrived here.
    end_of_stream: bool,
    /// Unread bytes when the connection broke.
    saved: BytesMut,
    /// To be reported once.
    error: Option<io::ErrorKind>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Wakers for the stack, in place of the application's.
    wakes_reader: Waker,
    wakes_writer: Waker,
    /// The sequence number, acknowledgement and window last sent to the other end.
    told: Header,
    /// Those last received from the other end.
    heard: Header,
    /// The acknowledgement number of the FIN.
    fin: Option<u32>,
}

impl End {
    fn new(owner: Owner, handle: Handle, woken: &Woken, flow: FlowId, at: Direction) -> Self {
        let is_unborn = matches!(handle, Handle::InStack);
        End {
            owner,
            handle,
            place: None,
            is_open: !is_unborn,
            is_gone: false,
            is_unborn,
            fin_arrived: false,
            is_reader: false,
            spoke_in: 0,
            unread: 0,
            fin_acknowledged: false,
            end_of_stream: false,
            saved: BytesMut::new(),
            error: None,
            reader: None,
            writer: None,
            wakes_reader: woken.waker(Whom::Reader(flow, at)),
            wakes_writer: woken.waker(Whom::Writer(flow, at)),
            told: Header::default(),
            heard: Header::default(),
            fin: None,
        }
    }

    pub(super) fn client(owner: Owner, connecting: Connecting, woken: &Woken, flow: FlowId) -> Self {
        End::new(
            owner,
            Handle::Connecting(connecting),
            woken,
            flow,
            Direction::ToClient,
        )
    }

    pub(super) fn unborn(owner: Owner, woken: &Woken, flow: FlowId) -> Self {
        End::new(owner, Handle::InStack, woken, flow, Direction::ToServer)
    }

    /// Nothing more is exchanged between an application and this end. `peer` is the other one.
    pub(super) fn is_done(&self, peer: &End) -> bool {
        let finished = self.fin_arrived && (self.end_of_stream || peer.is_gone);
        !self.is_open && (self.is_gone || finished || (self.is_unborn && !peer.is_open))
            || (self.is_unborn && peer.is_gone)
    }

    /// Its stack has finished too: later than `is_done`, because the last acknowledgement is still in transit then.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_gone || self.is_unborn || (self.fin_arrived && self.fin_acknowledged)
    }

    // ---- the application's calls, with the end's stack selected

    pub(super) fn poll_connected(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        let Handle::Connecting(connecting) = &mut self.handle else {
            return Poll::Ready(Ok(()));
        };
        let connected = connecting
            .as_mut()
            .poll(&mut Context::from_waker(&self.wakes_writer));
        match connected {
            Poll::Ready(Ok(stream)) => {
                self.handle = Handle::Open(stream);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                self.handle = Handle::Dropped;
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                remember(&mut self.writer, context);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.saved.is_empty() {
            let count = self.saved.len().min(buffer.remaining());
            buffer.put_slice(&self.saved[..count]);
            self.saved.advance(count);
            return Poll::Ready(Ok(()));
        }
        // After the end of the stream a read never fails: a write reports a later reset.
        if self.end_of_stream && self.unread == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        let Handle::Open(stream) = &mut self.handle else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if self.is_gone {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(stream).poll_read(&mut Context::from_waker(&self.wakes_reader), buffer);
        if read.is_pending() {
            remember(&mut self.reader, context);
        }
        self.unread -= buffer.filled().len() - before;
        read
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        let Handle::Open(stream) = &mut self.handle else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if self.is_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let nothing = buffers.iter().all(|buffer| buffer.is_empty());
        let mut count = 0;
        for buffer in buffers {
            match Pin::new(&mut *stream).poll_write(&mut Context::from_waker(&self.wakes_writer), buffer)? {
                Poll::Ready(written) => count += written,
                Poll::Pending if count > 0 || nothing => break,
                Poll::Pending => {
                    remember(&mut self.writer, context);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(count))
    }

    pub(super) fn shutdown(&mut self) {
        if let Handle::Open(stream) = &mut self.handle {
            let nobody = &mut Context::from_waker(Waker::noop());
            // Ok on a dead connection too: tokio hides Linux's `NotConnected`.
            let _: Poll<io::Result<()>> = Pin::new(stream).poll_shutdown(nobody);
        }
    }

    pub(super) fn wake_reader(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.reader.take());
    }

    pub(super) fn wake_writer(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.writer.take());
    }

    // ---- segments

    /// Forwards its stack's segments, with up-to-date windows.
    pub(super) fn says(&mut self, taken: &mut Taken) {
        match taken.body {
            Body::Reset(_) => return,
            Body::Fin => self.fin = Some(taken.next),
            _ => {}
        }
        // The stack computed the window when it received the data: the application has read since.
        taken.header.window = self.room();
        self.told = Header {
            sequence: taken.next,
            ..taken.header
        };
    }

    fn room(&self) -> u16 {
        u16::try_from(RECEIVE_BUFFER.saturating_sub(self.unread)).unwrap_or(u16::MAX)
    }

    /// The other end may have exhausted its window, and needs an update. The stack sends one only when a single read
    /// takes half of the buffer, so not for smaller reads.
    pub(super) fn owes_window(&self) -> bool {
        let enough = RECEIVE_BUFFER / 2;
        usize::from(self.told.window) < enough && usize::from(self.room()) >= enough && !self.is_gone
    }

    pub(super) fn window_update(&mut self) -> Header {
        self.told.window = self.room();
        self.told
    }

    /// An acknowledgement from the other end.
    pub(super) fn hears(&mut self, header: Header) {
        self.heard = header;
        self.fin_acknowledged |= self.fin.is_some_and(|fin| header.acknowledged == u64::from(fin));
    }

    /// It has unacknowledged segments or an exhausted window, so it would retransmit or probe.
    pub(super) fn would_ask_again(&self) -> bool {
        self.heard.acknowledged != u64::from(self.told.sequence) || self.heard.window == 0
    }

    pub(super) fn hears_fin(&mut self) {
        self.end_of_stream = true;
    }

    // ---- its end

    /// The connection is open, even if the application has not checked yet. The end's stack is selected.
    pub(super) fn notice_connected(&mut self) {
        if let Handle::Connecting(connecting) = &mut self.handle
            && let Poll::Ready(Ok(stream)) = connecting
                .as_mut()
                .poll(&mut Context::from_waker(&self.wakes_writer))
        {
            self.handle = Handle::Open(stream);
        }
    }

    /// A reset arrived. The end's stack is selected.
    pub(super) fn is_reset(&mut self) -> Closed {
        let (error, why) = match self.handle {
            Handle::Connecting(_) => (io::ErrorKind::ConnectionRefused, Closed::Refused),
            _ if self.end_of_stream => (io::ErrorKind::BrokenPipe, Closed::Reset),
            _ => (io::ErrorKind::ConnectionReset, Closed::Reset),
        };
        self.fail(error);
        why
    }

    /// The connection broke: the application gets the error once, after all data that arrived before. The end's stack is
    /// selected, and is informed next.
    pub(super) fn fail(&mut self, error: io::ErrorKind) {
        if let (Handle::Open(stream), 1..) = (&mut self.handle, self.unread) {
            self.saved.resize(self.unread, 0);
            let count = stream.try_read(&mut self.saved).unwrap_or_default();
            self.saved.truncate(count);
        }
        self.unread = 0;
        self.is_gone = true;
        if self.is_open {
            self.error = Some(error);
        }
    }

    /// The kernel drops the connection.
    pub(super) fn abandon(&mut self, wakers: &mut Vec<Waker>) {
        self.is_gone = true;
        self.unread = 0;
        self.let_go(wakers);
    }

    /// The application has dropped its handle. Tasks that still wait find the socket closed: a task that outlives its
    /// process must not wait forever.
    pub(super) fn let_go(&mut self, wakers: &mut Vec<Waker>) {
        self.is_open = false;
        self.handle = Handle::Dropped;
        self.wake_reader(wakers);
        self.wake_writer(wakers);
    }
}

/// Keeps a waker until the stack wakes it.
pub(super) fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(context.waker()),
        None => *slot = Some(context.waker().clone()),
    }
}
