//! Converts incoming segments to packets for the stacks, and answers those that no stack can answer.

use super::stacks::nowhere;
use super::wake::Whom;
use super::{BACKLOG, Effects, Handshake, TurmoilEngine, wire};
use crate::observe::Closed;
use crate::segment::{Body, Cause, Direction, FlowId, Header, Segment};

impl TurmoilEngine {
    /// Passes a segment to the stack of its receiving end.
    pub(super) fn hand(&mut self, segment: Segment) {
        let flow = self.flows.get(segment.flow);
        if let Some(place) = flow.and_then(|flow| flow.ends[segment.direction.index()].place) {
            self.stacks.deliver(wire::packet(segment, place));
            self.is_dirty = true;
        }
    }

    /// Passes on the wakers that the stacks have woken.
    pub(super) fn wake(&mut self, effects: &mut Effects) {
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

    /// Makes the stack drop an end silently, by a forged reset.
    pub(super) fn forget(&mut self, id: FlowId, at: Direction) {
        if let Some(flow) = self.flows.get(id) {
            let reset = flow.segment(at, Header::default(), Body::Reset(Cause::Segment));
            self.hand(reset);
        }
    }

    /// A forged reset arrives at an end of an open connection.
    pub(super) fn reset_end(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
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

    /// Answers a segment on behalf of a stack that would not.
    pub(super) fn answer_with_reset(&mut self, segment: &Segment) {
        if let Some(flow) = self.flows.get(segment.flow) {
            let direction = segment.direction.opposite();
            let reset = flow.segment(direction, Header::default(), Body::Reset(Cause::Segment));
            self.out.push(reset);
        }
    }

    pub(super) fn deliver_connect(&mut self, segment: Segment, port: u16) -> Option<Segment> {
        // The client may have given up while this was in transit.
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

    /// Processes an incoming segment outside of the stack. Returns whether the stack must get it.
    pub(super) fn note(&mut self, segment: &Segment, effects: &mut Effects) -> bool {
        let Some(flow) = self.flows.get(segment.flow) else {
            // Both ends have finished the flow: the segment has no receiver.
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
    pub(super) fn answer_for_the_dead(&mut self, segment: &Segment) -> bool {
        if !matches!(segment.body, Body::Reset(_)) {
            self.answer_with_reset(segment);
        }
        false
    }

    /// The client gave up before the server could accept.
    pub(super) fn never_accepted(&mut self, id: FlowId, effects: &mut Effects) {
        for listener in self.listeners.values_mut() {
            listener.backlog.retain(|waiting| *waiting != id);
        }
        if let Some(flow) = self.flows.get(id) {
            flow.ends[0].abandon(&mut effects.wakers);
        }
    }
}
