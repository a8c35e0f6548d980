//! The turmoil engine: packets, acknowledgements, windows and states of TCP by `turmoil-net`.
//!
//! Each host has its own stack. What this room adds is what stands between stacks: which flow a packet is
//! of, where a connect ends up, and what a machine forgets when it dies. What becomes of a segment on its
//! way is decided outside, as for every engine. Its own retransmission is therefore off.
//!
//! | what the stacks leave open | what is done about it |
//! |---|---|
//! | no hosts once the network is entered | later ones share a spare stack (`stacks`) |
//! | a closed server's connections keep its port | ports are translated: each listener has a fresh one (`wire`) |
//! | a machine cannot die in silence | its sockets get a reset that nobody sent, and what they say is dropped |
//! | only a read of half the buffer reopens a window | it is reopened for those who read less (`end`) |
//! | a window is worked out before the application has read | it is brought up to date when it is sent |
//! | closed sockets take data, until their peer has no room | answered with a reset |
//! | a full backlog drops a connect without a word | it is kept here, and the connect counts as lost |
//! | a reset drops what was written before it | that is sent first |
//! | a reset drops what can still be read; its error is told for ever | as on Linux (`end`) |
//! | wakers are woken at once, and kept after a socket is closed | it gets wakers that only take notes (`wake`) |
//!
//! Limits: 16,384 connections that a host has dialled or ports that it listens on at once, and 16 million
//! flows in all; beyond that, `AddrInUse` or `AddrNotAvailable`. A server's socket whose client gave up before
//! the connection was open stays in its stack for ever: nothing can take it out.

mod end;
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
use crate::segment::{Body, Cause, Direction, FlowId, Header, Segment};

/// Connections that wait to be accepted, per listener: what tokio asks Linux for.
const BACKLOG: usize = 1024;
/// Bytes that may be unread, per connection. A window is never larger: there is no scaling.
const RECEIVE_BUFFER: usize = 64 * 1024;

// Sockets before stacks: they are closed on a network that is still entered.
#[derive(Default)]
pub(crate) struct TurmoilEngine {
    flows: Slots<Flow>,
    listeners: BTreeMap<u64, Listener>,
    next_listener: u64,
    ports: Ports,
    /// Segments that are ready to go.
    out: Vec<Segment>,
    /// Ends whose application has read since the stacks last ran.
    readers: Vec<(FlowId, Direction)>,
    /// Something happened since the stacks last ran.
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
    /// Where the client seems to dial from.
    dialled_from: SocketAddr,
    /// Indexed by the direction that each end receives: `[server, client]`.
    ends: [End; 2],
    handshake: Handshake,
    /// Why it ended, if it ended otherwise than in order.
    broken: Option<Closed>,
    /// Its end was told.
    is_reported: bool,
}

/// How far a flow has come to be open. The client's confirmation stands alone, for the server's stack would drop
/// the bytes that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    Begun,
    /// The client knows that it is open, and has yet to say so.
    Answered,
    /// The client has said so.
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
    /// Where its stack knows it.
    place: SocketAddr,
    /// Connects that have arrived and are not accepted, open or about to be.
    backlog: VecDeque<FlowId>,
    waker: Option<Waker>,
    /// What the stack gets in its stead.
    wakes: Waker,
}

impl TurmoilEngine {
    fn flow(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get(id)
    }

    /// The end that an application's handle means; an error when its process is gone. Its stack is selected.
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

    /// Tells of a flow's end once both ends are done with it, and forgets it once their stacks are.
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

    // ---- from the stacks

    /// Lets the stacks work, and makes segments of what they send.
    fn run_stacks(&mut self) {
        if !std::mem::take(&mut self.is_dirty) {
            return;
        }
        let first = self.out.len();
        let mut packets = std::mem::take(&mut self.packets);
        self.stacks.run(&mut packets);
        for packet in packets.drain(..) {
            self.take(packet);
        }
        self.packets = packets;
        for (id, at) in std::mem::take(&mut self.readers) {
            self.reopen_window(id, at);
        }
        self.drop_bare_acknowledgements(first);
    }

    fn take(&mut self, packet: Packet) {
        let Some(id) = flow_of(&packet, &self.flows) else {
            return;
        };
        let Some(flow) = self.flows.get(id) else { return };
        let Some(mut taken) = wire::take(packet, || flow.port) else {
            return;
        };
        if !wire::names(taken.to, id) {
            return;
        }
        if let Body::Connect { .. } = taken.body {
            flow.ends[1].place = Some(taken.from);
        }
        let direction = if flow.ends[1].place == Some(taken.from) {
            Direction::ToServer
        } else {
            Direction::ToClient
        };
        if direction == Direction::ToServer
            && flow.handshake == Handshake::Answered
            && taken.body == Body::Ack
        {
            flow.handshake = Handshake::Confirmed;
            taken.body = Body::Confirm;
        }
        if taken.body == Body::Reset(Cause::Close) && flow.ends[direction.index()].would_ask_again() {
            // If this is lost, what the other end sends again is answered with the same.
            taken.body = Body::Reset(Cause::Segment);
        }
        flow.ends[direction.opposite().index()].says(&mut taken);
        let segment = flow.segment(direction, taken.header, taken.body);
        self.out.push(segment);
    }

    fn reopen_window(&mut self, id: FlowId, at: Direction) {
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        end.is_reader = false;
        if end.owes_window() {
            let header = end.window_update();
            let segment = flow.segment(at.opposite(), header, Body::Ack);
            self.out.push(segment);
        }
    }

    /// An acknowledgement that something follows at the same instant says nothing new: a real stack would
    /// have waited a little and sent only the latter.
    fn drop_bare_acknowledgements(&mut self, first: usize) {
        self.batch += 1;
        let mut kept = self.out.split_off(first);
        kept.reverse();
        kept.retain(|segment| {
            let Some(flow) = self.flows.get(segment.flow) else {
                return true;
            };
            let end = &mut flow.ends[segment.direction.opposite().index()];
            let is_followed = std::mem::replace(&mut end.spoke_in, self.batch) == self.batch;
            segment.body != Body::Ack || !is_followed
        });
        kept.reverse();
        self.out.append(&mut kept);
    }

    // ---- to the stacks

    /// Gives a segment to the stack where its receiving end is.
    fn hand(&mut self, segment: Segment) {
        let flow = self.flows.get(segment.flow);
        if let Some(place) = flow.and_then(|flow| flow.ends[segment.direction.index()].place) {
            self.stacks.deliver(wire::packet(segment, place));
            self.is_dirty = true;
        }
    }

    /// Passes on whom the stacks have woken.
    fn wake(&mut self, effects: &mut Effects) {
        for whom in self.woken.take() {
            match whom {
                Whom::Reader(id, at) => {
                    if let Some(flow) = self.flows.get(id) {
                        flow.ends[at.index()].wake_reader(&mut effects.wakers);
                    }
                }
                Whom::Writer(id, at) => {
                    if let Some(flow) = self.flows.get(id) {
                        flow.ends[at.index()].wake_writer(&mut effects.wakers);
                    }
                }
                Whom::Acceptor(number) => {
                    let listener = self.listeners.get_mut(&number);
                    effects
                        .wakers
                        .extend(listener.and_then(|listener| listener.waker.take()));
                }
            }
        }
    }

    /// Makes the stack forget an end in silence: a reset that nobody sent.
    fn forget(&mut self, id: FlowId, at: Direction) {
        if let Some(flow) = self.flows.get(id) {
            let reset = flow.segment(at, Header::default(), Body::Reset(Cause::Segment));
            self.hand(reset);
        }
    }

    /// A reset arrives at an end of an open connection, from nobody.
    fn reset_end(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        if end.is_gone {
            return;
        }
        self.stacks.select(end.owner.host);
        end.notice_connected();
        let why = end.is_reset();
        flow.broken.get_or_insert(why);
        if at == Direction::ToServer && flow.handshake != Handshake::Done {
            self.never_accepted(id, effects);
        }
        self.forget(id, at);
    }

    /// Answers a segment in the stead of a stack that would not.
    fn answer_with_reset(&mut self, segment: &Segment) {
        if let Some(flow) = self.flows.get(segment.flow) {
            let direction = segment.direction.opposite();
            let reset = flow.segment(direction, Header::default(), Body::Reset(Cause::Segment));
            self.out.push(reset);
        }
    }

    fn deliver_connect(&mut self, segment: Segment, port: u16) -> Option<Segment> {
        // The client may have given up while this was on its way.
        let flow = self.flows.get(segment.flow)?;
        let number = self.ports.listener(segment.to, port);
        let server = &mut flow.ends[0];
        match number.and_then(|number| self.listeners.get_mut(&number)) {
            Some(listener) if listener.backlog.len() >= BACKLOG => return Some(segment),
            Some(listener) => {
                listener.backlog.push_back(segment.flow);
                server.owner = listener.owner;
                server.place = Some(listener.place);
                server.is_unborn = false;
                server.is_open = true;
            }
            None => server.place = Some(nowhere(self.stacks.select(segment.to))),
        }
        self.hand(segment);
        None
    }

    /// What a segment that arrives means outside of the stack. Returns whether it is for the stack at all.
    fn note(&mut self, segment: &Segment, effects: &mut Effects) -> bool {
        let Some(flow) = self.flows.get(segment.flow) else {
            // A flow that both ends are done with: nobody is left to hear of it.
            return false;
        };
        let names = flow.names();
        let [server, client] = &mut flow.ends;
        let (end, peer) = match segment.direction {
            Direction::ToServer => (server, client),
            Direction::ToClient => (client, server),
        };
        if end.is_gone {
            return self.answer_for_the_dead(segment);
        }
        end.hears(segment.header);
        match &segment.body {
            Body::Connect { .. } | Body::Window | Body::Ack => {}
            Body::Confirm => flow.handshake = Handshake::Done,
            Body::Accept => {
                flow.handshake = Handshake::Answered;
                effects.opened.push(names);
            }
            Body::Data(bytes) if end.is_open => end.unread += bytes.len(),
            Body::Data(_) => {
                // The application has closed: data for it is answered with a reset.
                flow.broken.get_or_insert(Closed::Reset);
                self.forget(segment.flow, segment.direction);
                if let Some(flow) = self.flows.get(segment.flow) {
                    flow.ends[segment.direction.index()].abandon(&mut effects.wakers);
                }
                self.answer_with_reset(segment);
                return false;
            }
            Body::Fin => {
                peer.fin_arrived = true;
                end.hears_fin();
            }
            Body::Reset(_) => {
                self.stacks.select(end.owner.host);
                let why = end.is_reset();
                flow.broken.get_or_insert(why);
                if segment.direction == Direction::ToServer && flow.handshake != Handshake::Done {
                    self.never_accepted(segment.flow, effects);
                }
                return true;
            }
        }
        true
    }

    /// This kernel does not know the connection. A reset is never answered with a reset.
    fn answer_for_the_dead(&mut self, segment: &Segment) -> bool {
        if !matches!(segment.body, Body::Reset(_)) {
            self.answer_with_reset(segment);
        }
        false
    }

    /// The client gave up before the server could accept.
    fn never_accepted(&mut self, id: FlowId, effects: &mut Effects) {
        for listener in self.listeners.values_mut() {
            listener.backlog.retain(|waiting| *waiting != id);
        }
        if let Some(flow) = self.flows.get(id) {
            flow.ends[0].abandon(&mut effects.wakers);
        }
    }

    // ---- closing

    fn close_end(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        if !end.is_open {
            return;
        }
        let host = end.owner.host;
        if matches!(end.handle, Handle::Connecting(_)) {
            // An accept that is still on its way is answered with a reset.
            end.is_gone = true;
        } else if end.unread > 0 && !end.is_gone {
            // The stack answers with a reset. What was written before goes out ahead of it.
            flow.broken.get_or_insert(Closed::Reset);
            self.run_stacks();
            if let Some(flow) = self.flows.get(id) {
                flow.ends[at.index()].is_gone = true;
            }
        }
        self.stacks.select(host);
        self.is_dirty = true;
        if let Some(flow) = self.flows.get(id) {
            flow.ends[at.index()].let_go(&mut effects.wakers);
        }
        self.reap_after_last_words(id, effects);
    }

    /// A flow that is forgotten at once must not take the reset with it that its stack has just sent.
    fn reap_after_last_words(&mut self, id: FlowId, effects: &mut Effects) {
        let broken = self.flow(id).is_some_and(|flow| flow.broken.is_some());
        if broken {
            self.run_stacks();
        }
        self.reap(id, effects);
    }

    fn close_listener(&mut self, number: u64, effects: &mut Effects) {
        let Some(listener) = self.listeners.remove(&number) else {
            return;
        };
        self.ports.release(listener.owner.host, listener.port);
        effects.wakers.extend(listener.waker);
        self.stacks.select(listener.owner.host);
        // Those that were never accepted are reset by the stack.
        drop(listener.socket);
        self.is_dirty = true;
        self.run_stacks();
        for id in listener.backlog {
            if let Some(flow) = self.flows.get(id) {
                flow.broken.get_or_insert(Closed::Reset);
                flow.ends[0].abandon(&mut effects.wakers);
                self.reap(id, effects);
            }
        }
    }

    fn numbers_of_listeners(&self, are_meant: impl Fn(&Listener) -> bool) -> Vec<u64> {
        let listeners = self.listeners.iter();
        let meant = listeners.filter(|(_, listener)| are_meant(listener));
        meant.map(|(number, _)| *number).collect()
    }
}

/// The flow whose alias a packet is sent to.
fn flow_of(packet: &Packet, flows: &Slots<Flow>) -> Option<FlowId> {
    wire::slot(SocketAddr::new(packet.dst, 0)).and_then(|slot| flows.at(slot))
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
        // The server end is nobody's until the connect segment finds a listener.
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
        // What was said by now is said.
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

    fn give_up(&mut self, id: FlowId, direction: Direction, effects: &mut Effects) {
        let at = direction.opposite();
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        if end.is_gone {
            return;
        }
        flow.broken.get_or_insert(Closed::TimedOut);
        self.stacks.select(end.owner.host);
        end.fail(io::ErrorKind::TimedOut);
        // Wakes whoever waits for the connection.
        self.forget(id, at);
        self.wake(effects);
        self.reap(id, effects);
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
        // What others have said by now is said.
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
                // An unborn end is still a connect on its way, which may find the machine up again.
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
        // Nothing of all this leaves the machine.
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

/// What a future says that never waits.
fn now_or_never<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
