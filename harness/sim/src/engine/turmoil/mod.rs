//! The turmoil engine: packets, acknowledgements, windows and states of TCP by `turmoil-net`.
//!
//! Each host has its own stack. This module adds what is between stacks: it assigns packets to flows and connects to
//! listeners, and implements the death of machines. The network outside decides on segments in transit, as for every
//! engine, so the stacks' own retransmission is off.
//!
//! | gap of the stacks | remedy |
//! |---|---|
//! | no hosts once the network is entered | later ones share a spare stack (`stacks`) |
//! | a closed server's connections keep its port | ports are translated: each listener has a fresh one (`wire`) |
//! | a machine cannot die silently | its sockets get a forged reset, and their segments are dropped |
//! | only a read of half the buffer reopens a window | it is reopened for smaller reads (`end`) |
//! | a window is computed before the application has read | it is updated when it is sent |
//! | closed sockets accept data, until their peer has no room | answered with a reset |
//! | a full backlog drops a connect silently | it is kept here, and the connect counts as lost |
//! | a reset drops what was written before it | that is sent first |
//! | a reset drops what can still be read; its error is reported forever | as on Linux (`end`) |
//! | wakers are woken at once, and kept after a socket is closed | it gets wakers that only record the wake (`wake`) |
//!
//! Limits: 16,384 dialled connections or listening ports per host at once, and 16 million flows in all; beyond that,
//! `AddrInUse` or `AddrNotAvailable`. A server's socket whose client gave up before the connection was open stays in its
//! stack forever: it cannot be removed.

mod closing;
mod end;
mod incoming;
mod outgoing;
mod stacks;
mod wake;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;
use turmoil_net::Packet;
use turmoil_net::shim::tokio::net::{TcpListener, TcpStream};

use self::end::{End, Handle, remember};
use self::stacks::{Stacks, nowhere};
use self::wake::{Whom, Woken};
use super::ports::Ports;
use super::slots::Slots;
use super::{Effects, Engine, FlowEnds, Owner, SocketId};
use crate::host::{HostId, address};
use crate::link::HostPairs;
use crate::observe::Closed;
use crate::segment::{Body, Direction, FlowId, Header, Segment};

/// The accept backlog of a listener: what tokio requests from Linux.
const BACKLOG: usize = 1024;
/// Bytes that may be unread, per connection. The maximum window: there is no scaling.
const RECEIVE_BUFFER: usize = 64 * 1024;

// Sockets are dropped before stacks, while the network is still entered.
#[derive(Default)]
pub(crate) struct TurmoilEngine {
    flows: Slots<Flow>,
    listeners: BTreeMap<u64, Listener>,
    next_listener: u64,
    ports: Ports,
    /// Segments ready to be sent.
    out: Vec<Segment>,
    /// Ends whose application has read since the stacks last ran.
    readers: Vec<(FlowId, Direction)>,
    /// Whether anything happened since the stacks last ran.
    is_dirty: bool,
    batch: u64,
    packets: Vec<Packet>,
    woken: Woken,
    stacks: Stacks,
}

struct Flow {
    id: FlowId,
    /// The port that was dialled.
    port: u16,
    /// The client's address as seen by the server.
    dialled_from: SocketAddr,
    /// Indexed by the direction that each end receives: `[server, client]`.
    ends: [End; 2],
    handshake: Handshake,
    /// Why it ended, if not in order.
    broken: Option<Closed>,
    /// Whether its end was reported.
    is_reported: bool,
}

/// The progress of the handshake. The client's confirmation is a segment of its own, because the server's stack would
/// drop bytes that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    Begun,
    /// The client knows that it is open, and has not confirmed it yet.
    Answered,
    /// The client has confirmed it.
    Confirmed,
    /// The server knows too: it can be accepted.
    Done,
}

impl Flow {
    fn names(&self) -> FlowEnds {
        FlowEnds {
            flow: self.id,
            client: self.ends[1].owner.host,
            server: self.ends[0].owner.host,
        }
    }

    fn segment(&self, direction: Direction, header: Header, body: Body) -> Segment {
        let from = &self.ends[direction.opposite().index()];
        Segment {
            flow: self.id,
            direction,
            from: from.owner.host,
            to: self.ends[direction.index()].owner.host,
            header,
            order: 0,
            body,
        }
    }
}

struct Listener {
    owner: Owner,
    port: u16,
    socket: TcpListener,
    /// Its address in the stack.
    place: SocketAddr,
    /// Connects that have arrived and are not accepted, open or in progress.
    backlog: VecDeque<FlowId>,
    waker: Option<Waker>,
    /// The waker for the stack, in place of the application's.
    wakes: Waker,
}

impl TurmoilEngine {
    fn flow(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get(id)
    }

    /// The end of an application's handle; an error if its process is gone. Its stack is selected.
    fn end(&mut self, socket: SocketId) -> io::Result<&mut End> {
        let SocketId::Stream(id, direction) = socket else {
            unreachable!("a listener is no stream")
        };
        let end = self.flows.get(id).map(|flow| &mut flow.ends[direction.index()]);
        let end = end
            .filter(|end| end.is_open)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        self.stacks.select(end.owner.host);
        Ok(end)
    }

    /// Reports a flow's end once both ends have finished it, and removes it once their stacks have.
    fn reap(&mut self, id: FlowId, effects: &mut Effects) {
        let Some(flow) = self.flow(id) else { return };
        let [server, client] = &flow.ends;
        if !(server.is_done(client) && client.is_done(server)) {
            return;
        }
        let is_forgotten = server.is_forgotten() && client.is_forgotten();
        if !std::mem::replace(&mut flow.is_reported, true) {
            let why = flow.broken.unwrap_or(Closed::Finished);
            effects.closed.push((flow.names(), why));
        }
        if is_forgotten {
            self.flows.remove(id);
        }
    }
}

impl Engine for TurmoilEngine {
    fn add_host(&mut self, host: HostId) {
        self.stacks.add(host);
    }

    fn bind(&mut self, owner: Owner, port: u16) -> io::Result<(SocketId, SocketAddr)> {
        let number = self.next_listener;
        let port = self.ports.listen(owner.host, port, number)?;
        let stack = self.stacks.select(owner.host);
        let socket = now_or_never(TcpListener::bind(SocketAddr::new(stack, 0)));
        let bound = socket.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (place, socket) = bound.inspect_err(|_| self.ports.release(owner.host, port))?;
        self.next_listener += 1;
        self.listeners.insert(
            number,
            Listener {
                owner,
                port,
                socket,
                place,
                backlog: VecDeque::new(),
                waker: None,
                wakes: self.woken.waker(Whom::Acceptor(number)),
            },
        );
        Ok((
            SocketId::Listener(number),
            SocketAddr::new(address(owner.host), port),
        ))
    }

    fn poll_accept(
        &mut self,
        listener: SocketId,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(SocketId, SocketAddr)>> {
        let SocketId::Listener(number) = listener else {
            unreachable!("a stream does not accept")
        };
        let Some(listener) = self.listeners.get_mut(&number) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        self.stacks.select(listener.owner.host);
        let noted = &mut Context::from_waker(&listener.wakes);
        let Poll::Ready((stream, alias)) = listener.socket.poll_accept(noted)? else {
            remember(&mut listener.waker, context);
            return Poll::Pending;
        };
        let id = wire::slot(alias)
            .and_then(|slot| self.flows.at(slot))
            .expect("a flow stays while it waits to be accepted: its server end is open");
        listener.backlog.retain(|waiting| *waiting != id);
        let flow = self.flows.get(id).expect("looked up above");
        flow.ends[0].handle = Handle::Open(stream);
        Poll::Ready(Ok((SocketId::Stream(id, Direction::ToServer), flow.dialled_from)))
    }

    fn connect(&mut self, owner: Owner, to: HostId, port: u16) -> io::Result<SocketId> {
        let dialled_from = SocketAddr::new(address(owner.host), self.ports.free(owner.host)?);
        self.stacks.select(owner.host);
        // The server end has no owner until the connect segment finds a listener.
        let nobody = Owner {
            host: to,
            incarnation: 0,
        };
        let id = self.flows.insert([owner.host, to], |id| Flow {
            id,
            port,
            dialled_from,
            ends: [
                End::unborn(nobody, &self.woken, id),
                End::client(
                    owner,
                    Box::pin(TcpStream::connect(wire::alias(id))),
                    &self.woken,
                    id,
                ),
            ],
            handshake: Handshake::Begun,
            broken: None,
            is_reported: false,
        });
        if id.slot >= wire::SLOTS {
            self.flows.remove(id);
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        // The first poll sends the connect segment, or finds that there is no port left.
        let socket = SocketId::Stream(id, Direction::ToClient);
        let begun = self.poll_connected(socket, &mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(error)) = begun {
            self.flows.remove(id);
            return Err(error);
        }
        Ok(socket)
    }

    fn poll_connected(&mut self, socket: SocketId, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_dirty = true;
        self.end(socket)?.poll_connected(context)
    }

    fn poll_read(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.end(socket)?;
        let read = end.poll_read(context, buffer);
        if end.owes_window() && !std::mem::replace(&mut end.is_reader, true) {
            let SocketId::Stream(id, at) = socket else {
                unreachable!("a listener is no stream")
            };
            self.readers.push((id, at));
            self.is_dirty = true;
        }
        read
    }

    fn poll_write(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_dirty = true;
        self.end(socket)?.poll_write(context, buffers)
    }

    fn shutdown(&mut self, socket: SocketId) -> io::Result<()> {
        self.is_dirty = true;
        self.end(socket)?.shutdown();
        Ok(())
    }

    fn close(&mut self, socket: SocketId, effects: &mut Effects) {
        match socket {
            SocketId::Stream(id, at) => self.close_end(id, at, effects),
            SocketId::Listener(number) => self.close_listener(number, effects),
        }
    }

    fn drain(&mut self, out: &mut Vec<Segment>) {
        self.run_stacks();
        out.append(&mut self.out);
    }

    fn deliver(&mut self, segment: Segment, effects: &mut Effects) -> Option<Segment> {
        if let Body::Connect { port } = segment.body {
            return self.deliver_connect(segment, port);
        }
        let id = segment.flow;
        if self.note(&segment, effects) {
            self.hand(segment);
            self.wake(effects);
        }
        self.reap(id, effects);
        None
    }

    fn refuse(&mut self, connect: Segment) {
        let nobody = nowhere(self.stacks.select(connect.to));
        if let Some(flow) = self.flows.get(connect.flow) {
            flow.ends[0].place = Some(nobody);
            self.hand(connect);
        }
    }

    fn reset(&mut self, pairs: &HostPairs, effects: &mut Effects) -> Vec<FlowEnds> {
        // All segments up to now have been sent.
        self.run_stacks();
        let open = self.flows.iter().filter(|flow| {
            let FlowEnds { client, server, .. } = flow.names();
            let is_known = flow.ends.iter().any(|end| !end.is_gone);
            pairs.contains(client, server) && is_known && flow.handshake != Handshake::Begun
        });
        let open: Vec<FlowEnds> = open.map(Flow::names).collect();
        for ends in &open {
            for at in [Direction::ToServer, Direction::ToClient] {
                self.reset_end(ends.flow, at, effects);
            }
            self.wake(effects);
            self.reap(ends.flow, effects);
        }
        open
    }

    fn give_up(&mut self, id: FlowId, direction: Direction, effects: &mut Effects) -> bool {
        let at = direction.opposite();
        let Some(flow) = self.flows.get(id) else {
            return false;
        };
        let end = &mut flow.ends[at.index()];
        if end.is_gone {
            return false;
        }
        flow.broken.get_or_insert(Closed::TimedOut);
        self.stacks.select(end.owner.host);
        end.fail(io::ErrorKind::TimedOut);
        // Wakes tasks that wait for the connection.
        self.forget(id, at);
        self.wake(effects);
        self.reap(id, effects);
        true
    }

    fn answer(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flows.get(id) else { return };
        if flow.ends[at.opposite().index()].is_gone {
            self.reset_end(id, at, effects);
            self.wake(effects);
            self.reap(id, effects);
        }
    }

    fn kill(&mut self, owner: Owner, effects: &mut Effects) -> u64 {
        let held = self.sockets(owner);
        for number in self.numbers_of_listeners(|listener| listener.owner == owner) {
            self.close_listener(number, effects);
        }
        for id in self.flows.ids_of(owner.host) {
            for at in [Direction::ToServer, Direction::ToClient] {
                if self
                    .flow(id)
                    .is_some_and(|flow| flow.ends[at.index()].owner == owner)
                {
                    self.close_end(id, at, effects);
                }
            }
        }
        held
    }

    fn crash(&mut self, host: HostId, effects: &mut Effects) -> u64 {
        // The other ends' segments up to now have been sent.
        self.run_stacks();
        self.out.retain(|segment| segment.from != host);
        let said = std::mem::take(&mut self.out);
        let mut held = 0;
        for number in self.numbers_of_listeners(|listener| listener.owner.host == host) {
            held += 1;
            let unaccepted = self.listeners.get(&number).map(|listener| listener.backlog.len());
            held += unaccepted.unwrap_or_default() as u64;
            self.close_listener(number, effects);
        }
        for id in self.flows.ids_of(host) {
            for at in [Direction::ToServer, Direction::ToClient] {
                let Some(flow) = self.flows.get(id) else { break };
                let end = &mut flow.ends[at.index()];
                // An unborn end is a connect in transit, which may find the machine up again.
                if end.owner.host != host || end.is_unborn {
                    continue;
                }
                held += u64::from(end.is_open);
                flow.broken.get_or_insert(Closed::Reset);
                self.forget(id, at);
                self.stacks.select(host);
                if let Some(flow) = self.flows.get(id) {
                    flow.ends[at.index()].abandon(&mut effects.wakers);
                }
            }
            self.reap(id, effects);
        }
        // None of this leaves the machine.
        self.run_stacks();
        self.out = said;
        held
    }

    fn addresses(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)> {
        let flow = self.flows.peek(flow)?;
        let server = address(flow.ends[0].owner.host);
        Some((flow.dialled_from, SocketAddr::new(server, flow.port)))
    }

    fn sockets(&self, owner: Owner) -> u64 {
        let listeners = self.numbers_of_listeners(|listener| listener.owner == owner);
        let ends = self.flows.of(owner.host).flat_map(|flow| &flow.ends);
        let ends = ends.filter(|end| end.is_open && end.owner == owner);
        (listeners.len() + ends.count()) as u64
    }
}

/// The output of a future that never waits.
fn now_or_never<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
