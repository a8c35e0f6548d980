//! The flow engine: byte streams, no packets.
//!
//! All bytes that a flow writes within a step are one segment and one event (on a link with a bandwidth, several of a
//! millisecond each, so that bytes arrive gradually). There are no acknowledgements: an idle connection costs nothing,
//! and idle hosts are not visited. Applications see the behaviour of Linux: refused connects, the accept backlog, half
//! close, end of stream after buffered data, a reset when a socket is dropped with unread data or gets data after it
//! was closed, errors after a reset, and backpressure from the send buffer and from a window that grows while a writer
//! waits.
//!
//!
//! Deliberately absent: packets, congestion control, delayed acknowledgements, urgent data, TIME_WAIT.

mod end;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use self::end::End;
use super::ports::Ports;
use super::slots::Slots;
use super::{Effects, Engine, FlowEnds, Owner, SocketId};
use crate::host::{HostId, address};
use crate::link::{HostPairs, Pipe};
use crate::observe::Closed;
use crate::segment::{Body, Cause, Direction, FlowId, Header, Segment};

/// The accept backlog of a listener: what tokio requests from Linux.
const BACKLOG: usize = 1024;

#[derive(Default)]
pub(crate) struct FlowEngine {
    flows: Slots<Flow>,
    listeners: BTreeMap<u64, Listener>,
    next_listener: u64,
    ports: Ports,
    /// Ends with something to send, in the order of their first write in this step.
    written: Vec<(FlowId, Direction)>,
    /// Segments that kernels send by themselves: resets and accepts.
    replies: Vec<Segment>,
}

struct Flow {
    id: FlowId,
    /// Indexed by the direction that each end receives: `[server, client]`.
    ends: [End; 2],
    /// The listener that it waits for, until the server's kernel has the client's confirmation. Only then it can be
    /// accepted, so a server that speaks first is received a round trip later.
    half_open: Option<u64>,
    /// Why it ended, if not in order.
    broken: Option<Closed>,
}

impl Flow {
    fn names(&self) -> FlowEnds {
        FlowEnds {
            flow: self.id,
            client: self.ends[1].owner.host,
            server: self.ends[0].owner.host,
        }
    }
}

struct Listener {
    owner: Owner,
    port: u16,
    /// Connections ready to be accepted.
    backlog: VecDeque<FlowId>,
    /// Connections that become ready once their clients have confirmed.
    half_open: usize,
    waker: Option<Waker>,
}

impl FlowEngine {
    fn flow(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get(id)
    }

    /// The end of an application's handle; an error if its process is gone.
    fn end(&mut self, socket: SocketId) -> io::Result<&mut End> {
        let SocketId::Stream(id, direction) = socket else {
            unreachable!("a listener is no stream")
        };
        self.flow(id)
            .map(|flow| &mut flow.ends[direction.index()])
            .filter(|end| end.is_open)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn insert(&mut self, client: End, server: End) -> FlowId {
        self.flows
            .insert([client.owner.host, server.owner.host], |id| Flow {
                id,
                ends: [server, client],
                half_open: None,
                broken: None,
            })
    }

    /// Removes a flow once both ends have finished it.
    fn reap(&mut self, id: FlowId, effects: &mut Effects) {
        let Some(flow) = self.flow(id) else { return };
        let [server, client] = &flow.ends;
        if server.is_done(client) && client.is_done(server) {
            effects
                .closed
                .push((flow.names(), flow.broken.unwrap_or(Closed::Finished)));
            self.flows.remove(id);
        }
    }

    fn mark_written(&mut self, id: FlowId, direction: Direction) {
        if let Some(flow) = self.flow(id) {
            let end = &mut flow.ends[direction.opposite().index()];
            if !end.is_queued {
                end.is_queued = true;
                self.written.push((id, direction));
            }
        }
    }

    fn reply(&mut self, to: &Segment, body: Body) {
        self.replies.push(Segment {
            flow: to.flow,
            direction: to.direction.opposite(),
            from: to.to,
            to: to.from,
            header: Header::default(),
            order: 0,
            body,
        });
    }

    /// Breaks a flow at one end, like an incoming reset.
    fn break_end(
        &mut self,
        id: FlowId,
        at: Direction,
        error: io::ErrorKind,
        why: Closed,
        effects: &mut Effects,
    ) {
        if let Some(flow) = self.flow(id) {
            flow.broken.get_or_insert(why);
            flow.ends[at.index()].fail(error, &mut effects.wakers);
            if at == Direction::ToServer
                && let Some(number) = flow.half_open.take()
            {
                // No application has it, so none will close it.
                flow.ends[0].abandon(&mut effects.wakers);
                if let Some(listener) = self.listeners.get_mut(&number) {
                    listener.half_open -= 1;
                }
            }
            self.reap(id, effects);
        }
    }

    fn deliver_connect(&mut self, segment: Segment, port: u16, effects: &mut Effects) -> Option<Segment> {
        // The client may have given up while this was in transit.
        self.flow(segment.flow)?;
        let number = self.ports.listener(segment.to, port);
        let listener = number.and_then(|number| self.listeners.get_mut(&number));
        let Some(listener) = listener else {
            self.reply(&segment, Body::Reset(Cause::Connect));
            return None;
        };
        if listener.backlog.len() + listener.half_open >= BACKLOG {
            return Some(segment);
        }
        listener.half_open += 1;
        let owner = listener.owner;
        let flow = self.flow(segment.flow).expect("looked up above");
        flow.half_open = number;
        flow.ends[0].owner = owner;
        flow.ends[0].establish(&mut effects.wakers);
        self.reply(&segment, Body::Accept);
        None
    }

    /// The client has confirmed the connection: the application can accept it.
    fn confirm(&mut self, id: FlowId, effects: &mut Effects) {
        let Some(number) = self.flow(id).and_then(|flow| flow.half_open.take()) else {
            return;
        };
        let listener = self.listeners.get_mut(&number);
        let listener = listener.expect("a listener that closes resets what is half open");
        listener.half_open -= 1;
        listener.backlog.push_back(id);
        effects.wakers.extend(listener.waker.take());
    }

    fn close_end(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flow(id) else { return };
        let names = flow.names();
        let end = &mut flow.ends[at.index()];
        if !end.is_open {
            return;
        }
        let reset_after = end.close(&mut effects.wakers);
        let consumed = end.consumed;
        let direction = at.opposite();
        if let Some(unsent) = reset_after {
            flow.broken.get_or_insert(Closed::Reset);
            let (from, to) = match at {
                Direction::ToServer => (names.server, names.client),
                Direction::ToClient => (names.client, names.server),
            };
            let data = (!unsent.is_empty()).then_some(Body::Data(unsent));
            for body in data.into_iter().chain([Body::Reset(Cause::Close)]) {
                self.replies.push(Segment {
                    flow: id,
                    direction,
                    from,
                    to,
                    header: Header::acknowledging(consumed),
                    order: 0,
                    body,
                });
            }
        } else {
            self.mark_written(id, direction);
        }
        self.reap(id, effects);
    }

    fn close_listener(&mut self, number: u64, effects: &mut Effects) {
        let Some(listener) = self.listeners.remove(&number) else {
            return;
        };
        self.ports.release(listener.owner.host, listener.port);
        effects.wakers.extend(listener.waker);
        let mut waiting = listener.backlog;
        let half_open = self.flows.of(listener.owner.host);
        waiting.extend(
            half_open
                .filter(|flow| flow.half_open == Some(number))
                .map(|flow| flow.id),
        );
        for id in waiting {
            // Never accepted: the kernel resets it.
            if let Some(flow) = self.flow(id) {
                flow.half_open = None;
                let names = flow.names();
                flow.broken.get_or_insert(Closed::Reset);
                flow.ends[0].abandon(&mut effects.wakers);
                self.replies.push(Segment {
                    flow: id,
                    direction: Direction::ToClient,
                    from: names.server,
                    to: names.client,
                    header: Header::default(),
                    order: 0,
                    body: Body::Reset(Cause::Close),
                });
                self.reap(id, effects);
            }
        }
    }
}

impl Engine for FlowEngine {
    /// There is no per-host state.
    fn add_host(&mut self, _: HostId) {}

    fn bind(&mut self, owner: Owner, port: u16) -> io::Result<(SocketId, SocketAddr)> {
        let number = self.next_listener;
        let port = self.ports.listen(owner.host, port, number)?;
        self.next_listener += 1;
        self.listeners.insert(
            number,
            Listener {
                owner,
                port,
                backlog: VecDeque::new(),
                half_open: 0,
                waker: None,
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
        let Some(id) = listener.backlog.pop_front() else {
            listener.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        let flow = self
            .flow(id)
            .expect("a flow stays while it waits to be accepted: its server end is open");
        Poll::Ready(Ok((
            SocketId::Stream(id, Direction::ToServer),
            flow.ends[1].local,
        )))
    }

    fn connect(&mut self, owner: Owner, to: HostId, port: u16) -> io::Result<SocketId> {
        let local = SocketAddr::new(address(owner.host), self.ports.free(owner.host)?);
        let remote = SocketAddr::new(address(to), port);
        let client = End::connecting(owner, local, port);
        // The server end has no owner until the connect segment finds a listener.
        let server = End::unborn(
            Owner {
                host: to,
                incarnation: 0,
            },
            remote,
        );
        let id = self.insert(client, server);
        self.mark_written(id, Direction::ToServer);
        Ok(SocketId::Stream(id, Direction::ToClient))
    }

    fn fit(&mut self, socket: SocketId, pipe: Pipe) {
        let SocketId::Stream(id, _) = socket else {
            unreachable!("a listener is no stream")
        };
        for end in self.flow(id).into_iter().flat_map(|flow| &mut flow.ends) {
            end.fit(pipe);
        }
    }

    fn poll_connected(&mut self, socket: SocketId, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        if end.owes_window() {
            let SocketId::Stream(id, direction) = socket else {
                unreachable!("a listener is no stream")
            };
            self.mark_written(id, direction.opposite());
        }
        read
    }

    fn poll_write(
        &mut self,
        socket: SocketId,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.end(socket)?.poll_write(context, buffers);
        if let (Poll::Ready(Ok(1..)), SocketId::Stream(id, direction)) = (&written, socket) {
            self.mark_written(id, direction.opposite());
        }
        written
    }

    fn shutdown(&mut self, socket: SocketId) -> io::Result<()> {
        self.end(socket)?.shutdown();
        let SocketId::Stream(id, direction) = socket else {
            unreachable!("a listener is no stream")
        };
        self.mark_written(id, direction.opposite());
        Ok(())
    }

    fn close(&mut self, socket: SocketId, effects: &mut Effects) {
        match socket {
            SocketId::Stream(id, at) => self.close_end(id, at, effects),
            SocketId::Listener(number) => self.close_listener(number, effects),
        }
    }

    fn drain(&mut self, out: &mut Vec<Segment>) {
        out.append(&mut self.replies);
        for (id, direction) in std::mem::take(&mut self.written) {
            let Some(flow) = self.flow(id) else { continue };
            let names = flow.names();
            let (from, to) = match direction {
                Direction::ToServer => (names.client, names.server),
                Direction::ToClient => (names.server, names.client),
            };
            flow.ends[direction.opposite().index()].take_output(|consumed, body| {
                out.push(Segment {
                    flow: id,
                    direction,
                    from,
                    to,
                    header: Header::acknowledging(consumed),
                    order: 0,
                    body,
                });
            });
        }
    }

    fn deliver(&mut self, segment: Segment, effects: &mut Effects) -> Option<Segment> {
        if let Body::Connect { port } = segment.body {
            return self.deliver_connect(segment, port, effects);
        }
        let (id, at) = (segment.flow, segment.direction);
        // Both ends have finished the flow: the segment has no receiver.
        let flow = self.flow(id)?;
        if flow.ends[at.index()].is_gone {
            // This kernel does not know the connection. A reset is never answered with a reset.
            if !matches!(segment.body, Body::Reset(_)) {
                self.reply(&segment, Body::Reset(Cause::Segment));
            }
            return None;
        }
        let names = flow.names();
        if at == Direction::ToServer && flow.half_open.is_some() && !matches!(segment.body, Body::Reset(_)) {
            self.confirm(id, effects);
        }
        let flow = self.flow(id)?;
        let [server, client] = &mut flow.ends;
        let (end, peer) = match at {
            Direction::ToServer => (server, client),
            Direction::ToClient => (client, server),
        };
        end.credit(segment.header.acknowledged, &mut effects.wakers);
        let is_blocked = end.is_blocked();
        match &segment.body {
            Body::Connect { .. } | Body::Window | Body::Ack | Body::Confirm => {}
            Body::Accept => {
                end.establish(&mut effects.wakers);
                effects.opened.push(names);
                self.reply(&segment, Body::Confirm);
            }
            Body::Data(bytes) if end.is_open => end.receive(bytes.clone(), &mut effects.wakers),
            Body::Data(_) => {
                // The application has closed: data for it is answered with a reset.
                end.abandon(&mut effects.wakers);
                flow.broken.get_or_insert(Closed::Reset);
                self.reply(&segment, Body::Reset(Cause::Segment));
            }
            Body::Fin => {
                peer.fin_arrived = true;
                end.receive_fin(&mut effects.wakers);
            }
            Body::Reset(_) => {
                let (error, why) = end.meaning_of_reset();
                self.break_end(id, at, error, why, effects);
            }
        }
        if is_blocked {
            self.mark_written(id, at.opposite());
        }
        self.reap(id, effects);
        None
    }

    fn refuse(&mut self, connect: Segment) {
        if self.flow(connect.flow).is_some() {
            self.reply(&connect, Body::Reset(Cause::Connect));
        }
    }

    fn reset(&mut self, pairs: &HostPairs, effects: &mut Effects) -> Vec<FlowEnds> {
        let open = self.flows.iter().filter(|flow| {
            let FlowEnds { client, server, .. } = flow.names();
            let is_known = flow.ends.iter().any(|end| !end.is_gone);
            pairs.contains(client, server) && is_known && flow.ends.iter().all(End::is_established)
        });
        let open: Vec<FlowEnds> = open.map(|flow| flow.names()).collect();
        for ends in &open {
            for at in [Direction::ToServer, Direction::ToClient] {
                let Some(flow) = self.flow(ends.flow) else {
                    continue;
                };
                let end = &flow.ends[at.index()];
                if !end.is_gone {
                    let (error, why) = end.meaning_of_reset();
                    self.break_end(ends.flow, at, error, why, effects);
                }
            }
        }
        open
    }

    fn give_up(&mut self, flow: FlowId, direction: Direction, effects: &mut Effects) -> bool {
        let sender = direction.opposite();
        let is_gone = |flow: &mut Flow| flow.ends[sender.index()].is_gone;
        if self.flow(flow).is_none_or(is_gone) {
            // The network's pending segments have no sender any more: the kernel was reset meanwhile.
            return false;
        }
        self.break_end(flow, sender, io::ErrorKind::TimedOut, Closed::TimedOut, effects);
        true
    }

    fn answer(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flow(id) else { return };
        let end = &flow.ends[at.index()];
        if !end.is_gone && flow.ends[at.opposite().index()].is_gone {
            let (error, why) = end.meaning_of_reset();
            self.break_end(id, at, error, why, effects);
        }
    }

    fn kill(&mut self, owner: Owner, effects: &mut Effects) -> u64 {
        let held = self.sockets(owner);
        for number in self.ports.listeners_of(owner.host) {
            if self.listeners[&number].owner == owner {
                self.close_listener(number, effects);
            }
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
        let mut held = 0;
        for number in self.ports.listeners_of(host) {
            if let Some(listener) = self.listeners.remove(&number) {
                held += 1;
                self.ports.release(host, listener.port);
                effects.wakers.extend(listener.waker);
            }
        }
        for id in self.flows.ids_of(host) {
            let Some(flow) = self.flow(id) else { continue };
            // An unborn end is a connect in transit, which may find the machine up again.
            let on_host = |end: &&mut End| end.owner.host == host && !end.is_unborn();
            for end in flow.ends.iter_mut().filter(on_host) {
                held += u64::from(end.is_open);
                end.abandon(&mut effects.wakers);
                flow.broken.get_or_insert(Closed::Reset);
            }
            self.reap(id, effects);
        }
        held
    }

    fn addresses(&self, flow: FlowId) -> Option<(SocketAddr, SocketAddr)> {
        let flow = self.flows.peek(flow)?;
        Some((flow.ends[1].local, flow.ends[0].local))
    }

    fn sockets(&self, owner: Owner) -> u64 {
        let listeners = self.ports.listeners_of(owner.host).into_iter();
        let listeners = listeners
            .filter(|number| self.listeners[number].owner == owner)
            .count();
        let ends = self.flows.of(owner.host).flat_map(|flow| &flow.ends);
        (listeners + ends.filter(|end| end.is_open && end.owner == owner).count()) as u64
    }
}
