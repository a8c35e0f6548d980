//! One end of a flow: the handle on its stack's socket, and what has to be known of it outside of the stack.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use turmoil_net::shim::tokio::net::TcpStream;

use super::RECEIVE_BUFFER;
use super::wire::Taken;
use crate::engine::Owner;
use crate::observe::Closed;
use crate::segment::{Body, Header};

pub(super) type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The handle on a socket, as far as it is ours to hold.
pub(super) enum Handle {
    /// The server's end: the stack's, until it is accepted.
    InStack,
    Connecting(Connecting),
    Open(TcpStream),
    /// Dropped: the application has closed it, or the connection broke before it was one.
    Dropped,
}

pub(super) struct End {
    pub(super) owner: Owner,
    pub(super) handle: Handle,
    /// Where its stack knows it. None before its first segment.
    pub(super) place: Option<SocketAddr>,
    /// An application holds a handle, or will when it accepts.
    pub(super) is_open: bool,
    /// The kernel has forgotten the connection: a reset was sent or received, or the machine died.
    pub(super) is_gone: bool,
    /// No connect segment has arrived for this end: it is on no machine yet.
    pub(super) is_unborn: bool,
    /// This end's FIN has arrived at the other.
    pub(super) fin_arrived: bool,
    /// The other end's acknowledgement of that has arrived here: its stack is done with it.
    pub(super) fin_acknowledged: bool,
    /// In the engine's list of ends whose application has read.
    pub(super) is_reader: bool,
    /// The last batch of segments in which this end had something to say.
    pub(super) spoke_in: u64,
    /// To be reported once, instead of what its stack would say.
    pub(super) error: Option<io::ErrorKind>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    /// Bytes in the stack that the application has not read.
    pub(super) unread: usize,
    /// What the other end was last told: where this one's stream stands, how far it has come with the other.
    told: Header,
    /// What acknowledges the FIN.
    fin: Option<u32>,
}

impl End {
    fn new(owner: Owner, handle: Handle, is_unborn: bool) -> Self {
        End {
            owner,
            handle,
            place: None,
            is_open: !is_unborn,
            is_gone: false,
            is_unborn,
            fin_arrived: false,
            fin_acknowledged: false,
            is_reader: false,
            spoke_in: 0,
            error: None,
            reader: None,
            writer: None,
            unread: 0,
            told: Header::default(),
            fin: None,
        }
    }

    pub(super) fn connecting(owner: Owner, connecting: Connecting) -> Self {
        End::new(owner, Handle::Connecting(connecting), false)
    }

    pub(super) fn unborn(owner: Owner) -> Self {
        End::new(owner, Handle::InStack, true)
    }

    /// Nothing more will be sent to or received from an application by this end. `peer` is the other one.
    pub(super) fn is_done(&self, peer: &End) -> bool {
        let finished = self.fin_arrived && (peer.fin_arrived || peer.is_gone);
        !self.is_open && (self.is_gone || finished || (self.is_unborn && !peer.is_open))
            || (self.is_unborn && peer.is_gone)
    }

    /// Its stack has nothing more to say either. A little later: the last acknowledgement is on its way.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_gone || self.is_unborn || (self.fin_arrived && self.fin_acknowledged)
    }

    pub(super) fn poll_connected(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        let Handle::Connecting(connecting) = &mut self.handle else {
            return Poll::Ready(Ok(()));
        };
        match connecting.as_mut().poll(context) {
            Poll::Ready(Ok(stream)) => {
                self.handle = Handle::Open(stream);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                self.handle = Handle::Dropped;
                self.is_gone = true;
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                remember(&mut self.writer, context);
                Poll::Pending
            }
        }
    }

    /// What its stack sends; keeps the other end told of how much room there is.
    pub(super) fn says(&mut self, taken: &mut Taken) {
        match taken.body {
            Body::Reset(_) => return,
            Body::Fin => self.fin = Some(taken.next),
            _ => {}
        }
        // The stack worked its window out when it took the data in: the application has read since.
        taken.header.window = self.room();
        self.told = Header {
            sequence: taken.next,
            ..taken.header
        };
    }

    fn room(&self) -> u16 {
        u16::try_from(RECEIVE_BUFFER.saturating_sub(self.unread)).unwrap_or(u16::MAX)
    }

    /// The other end may be out of room, and should be told that there is some again. The stack tells only
    /// when a single read takes half of the buffer: nobody tells those who read less at a time.
    pub(super) fn owes_window(&self) -> bool {
        let enough = RECEIVE_BUFFER / 2;
        usize::from(self.told.window) < enough && usize::from(self.room()) >= enough && !self.is_gone
    }

    pub(super) fn window_update(&mut self) -> Header {
        self.told.window = self.room();
        self.told
    }

    /// The other end says how far it has come.
    pub(super) fn hears(&mut self, header: Header) {
        self.fin_acknowledged |= self.fin.is_some_and(|fin| header.acknowledged == u64::from(fin));
    }

    /// The kernel forgets the connection. What the application still holds is worth nothing.
    pub(super) fn abandon(&mut self, wakers: &mut Vec<Waker>) {
        self.is_gone = true;
        self.unread = 0;
        self.let_go(wakers);
    }

    /// The application holds no handle any more. Whoever still waits finds the socket closed: a task that
    /// outlives its process must not wait for ever.
    pub(super) fn let_go(&mut self, wakers: &mut Vec<Waker>) {
        self.is_open = false;
        self.handle = Handle::Dropped;
        wakers.extend(self.reader.take());
        wakers.extend(self.writer.take());
    }

    /// The connection broke, or the attempt at one.
    pub(super) fn breaks(&mut self) -> Closed {
        self.is_gone = true;
        self.unread = 0;
        if matches!(self.handle, Handle::Connecting(_)) {
            Closed::Refused
        } else {
            Closed::Reset
        }
    }
}

/// Keeps a waker that is kept in the stack too.
pub(super) fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(context.waker()),
        None => *slot = Some(context.waker().clone()),
    }
}
