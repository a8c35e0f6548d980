//! Engines transport the bytes: the sockets of all hosts, behind one interface.
//!
//! An engine implements only sockets. Delay, loss, partitions and retransmission of segments are decided in
//! [`crate::net`], the same for every engine.

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

/// The engine of a run. Hosts, links, faults and observations are the same on both; each is an independent check of the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// Our own: byte streams without packets. Fast, and idle connections cost nothing.
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

/// A socket, as identified by an application's handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketId {
    /// One end of a flow.
    Stream(FlowId, Direction),
    /// A listener, by its number.
    Listener(u64),
}

/// The process that owns a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) host: HostId,
    pub(crate) incarnation: u32,
}

impl Owner {
    /// No process: the director.
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

/// The sockets of all hosts.
pub(crate) trait Engine: Send {
    /// Adds a host to the network.
    fn add_host(&mut self, host: HostId);
    /// Listens; port 0 selects a free one.
    fn bind(&mut self, owner: Owner, port: u16) -> io::Result<(SocketId, SocketAddr)>;
    /// Accepts the next connection of a listener.
    fn poll_accept(
        &mut self,
        listener: SocketId,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(SocketId, SocketAddr)>>;
    /// Starts to open a connection.
    fn connect(&mut self, owner: Owner, to: HostId, port: u16) -> io::Result<SocketId>;
    /// Sizes the windows of a new connection over links with a bandwidth: enough to fill them, each way, and not much
    /// more. Engines with fixed windows ignore it.
    fn fit(&mut self, _socket: SocketId, _pipe: Pipe) {}
    /// Waits until a connection is open.
    fn poll_connected(&mut self, socket: SocketId, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Reads bytes that have arrived.
    fn poll_read(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>;
    /// Writes as much as fits.
    fn poll_write(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    /// Shuts down the writing side.
    fn shutdown(&mut self, socket: SocketId) -> io::Result<()>;
    /// The application drops its handle.
    fn close(&mut self, socket: SocketId, effects: &mut Effects);
    /// Appends what hosts have written since the last call to `out`, in order.
    fn drain(&mut self, out: &mut Vec<Segment>);
    /// A segment arrives at a host that is up. Returned if the kernel has no room for it: it then counts as lost.
    fn deliver(&mut self, segment: Segment, effects: &mut Effects) -> Option<Segment>;
    /// A connect arrives at a host that refuses it, even if a listener exists.
    fn refuse(&mut self, connect: Segment);
    /// No segment of this direction got through for too long: its sender gives up. Returns whether it knew the
    /// connection.
    fn give_up(&mut self, flow: FlowId, direction: Direction, effects: &mut Effects) -> bool;
    /// The end that receives `at` has probed the other kernel; the connection is reset if that does not know it.
    fn answer(&mut self, flow: FlowId, at: Direction, effects: &mut Effects);
    /// Resets open connections dialled by hosts of `pairs`, at both ends at once, without segments.
    /// Connects in progress are unaffected. Returns the reset connections.
    fn reset(&mut self, pairs: &HostPairs, effects: &mut Effects) -> Vec<FlowEnds>;
    /// A process died; the kernel closes its sockets. Returns their number.
    fn kill(&mut self, owner: Owner, effects: &mut Effects) -> u64;
    /// A machine died: its sockets vanish silently. Returns their number.
    fn crash(&mut self, host: HostId, effects: &mut Effects) -> u64;
    /// The addresses of a flow's client and server, while the flow is known.
    fn addresses(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)>;
    /// The number of a process's sockets.
    fn sockets(&self, owner: Owner) -> u64;
}
