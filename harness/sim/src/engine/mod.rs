//! What carries the bytes: the sockets of all hosts, behind one interface.
//!
//! An engine knows sockets and nothing else. What becomes of a segment on its way (delay, loss,
//! partitions, retransmission) is decided outside, in [`crate::net`], the same for every engine.

mod flow;
mod ports;
mod slots;
mod turmoil;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use flow::FlowEngine;
use turmoil::TurmoilEngine;

use crate::host::HostId;
use crate::link::{HostPairs, Pipe};
use crate::observe::Closed;
use crate::segment::{Direction, FlowId, Segment};

/// Which engine carries the bytes of a run. Hosts, links, faults and what is observed are the same on both;
/// each is an independent witness of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// Ours: byte streams, no packets. Fast, and pays for nothing that does not happen.
    #[default]
    Flow,
    /// `turmoil-net`: a TCP stack per host, with packets, acknowledgements and a window of 64 KiB.
    Turmoil,
}

impl EngineKind {
    /// All of them, the default first.
    pub const ALL: [EngineKind; 2] = [EngineKind::Flow, EngineKind::Turmoil];

    /// `flow`, `turmoil`.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Flow => "flow",
            EngineKind::Turmoil => "turmoil",
        }
    }

    pub(crate) fn make(self) -> Box<dyn Engine> {
        match self {
            EngineKind::Flow => Box::new(FlowEngine::default()),
            EngineKind::Turmoil => Box::new(TurmoilEngine::default()),
        }
    }
}

/// A socket, as the handle that an application holds names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketId {
    /// One end of a flow.
    Stream(FlowId, Direction),
    /// A listener, by its number.
    Listener(u64),
}

/// Which process a socket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) host: HostId,
    pub(crate) incarnation: u32,
}

impl Owner {
    /// No process: what runs the scenario.
    pub(crate) const WORLD: Owner = Owner {
        host: HostId::WORLD,
        incarnation: 0,
    };
}

/// Wakers to wake once the world is unlocked, and connections that changed.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) opened: Vec<FlowEnds>,
    pub(crate) closed: Vec<(FlowEnds, Closed)>,
}

/// A flow and the hosts at its ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowEnds {
    pub(crate) flow: FlowId,
    pub(crate) client: HostId,
    pub(crate) server: HostId,
}

/// Sockets of all hosts.
pub(crate) trait Engine: Send {
    /// A host joins the network.
    fn add_host(&mut self, host: HostId);
    /// Listens; port 0 takes a free one.
    fn bind(&mut self, owner: Owner, port: u16) -> io::Result<(SocketId, SocketAddr)>;
    /// The next connection of a listener.
    fn poll_accept(
        &mut self,
        listener: SocketId,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(SocketId, SocketAddr)>>;
    /// Starts to open a connection.
    fn connect(&mut self, owner: Owner, to: HostId, port: u16) -> io::Result<SocketId>;
    /// This new connection crosses a link that has a bandwidth: its windows are to fill it, each way, and not much
    /// more. An engine whose windows are fixed has nothing to do.
    fn fit(&mut self, _socket: SocketId, _pipe: Pipe) {}
    /// Waits for a connection to be open.
    fn poll_connected(&mut self, socket: SocketId, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Reads what has arrived.
    fn poll_read(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>;
    /// Writes as much as there is room for.
    fn poll_write(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    /// Says that no more bytes will be written.
    fn shutdown(&mut self, socket: SocketId) -> io::Result<()>;
    /// The application drops its handle.
    fn close(&mut self, socket: SocketId, effects: &mut Effects);
    /// Moves what hosts have written since the last call to `out`, in order.
    fn drain(&mut self, out: &mut Vec<Segment>);
    /// A segment arrives at a host that is up. Gives it back when the kernel has no room for it: it
    /// counts as lost.
    fn deliver(&mut self, segment: Segment, effects: &mut Effects) -> Option<Segment>;
    /// A connect arrives at a host that refuses it, whoever listens.
    fn refuse(&mut self, connect: Segment);
    /// Nothing of this direction got through for too long: its sender gives up. Returns whether it knew the connection.
    fn give_up(&mut self, flow: FlowId, direction: Direction, effects: &mut Effects) -> bool;
    /// The end that receives `at` has asked the other kernel whether it knows the connection; if not, it is reset.
    fn answer(&mut self, flow: FlowId, at: Direction, effects: &mut Effects);
    /// Resets the open connections that hosts of `pairs` have dialled, at both ends and at once: nothing is sent.
    /// Connects in progress go on. Returns which.
    fn reset(&mut self, pairs: &HostPairs, effects: &mut Effects) -> Vec<FlowEnds>;
    /// A process died; the kernel closes its sockets. Returns how many.
    fn kill(&mut self, owner: Owner, effects: &mut Effects) -> u64;
    /// A machine died: its sockets are gone, silently. Returns how many.
    fn crash(&mut self, host: HostId, effects: &mut Effects) -> u64;
    /// The addresses of a flow's client and server, while the flow is known.
    fn addresses(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)>;
    /// How many sockets a process holds.
    fn sockets(&self, owner: Owner) -> u64;
}
