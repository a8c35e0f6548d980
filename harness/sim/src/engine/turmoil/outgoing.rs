//! Converts the stacks' packets to segments.

use std::net::SocketAddr;

use turmoil_net::Packet;

use super::{Flow, Handshake, Slots, TurmoilEngine, wire};
use crate::segment::{Body, Cause, Direction, FlowId};

impl TurmoilEngine {
    /// Runs the stacks, and converts what they send to segments.
    pub(super) fn run_stacks(&mut self) {
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

    pub(super) fn take(&mut self, packet: Packet) {
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
            // If this is lost, the other end's retransmission gets the same response.
            taken.body = Body::Reset(Cause::Segment);
        }
        flow.ends[direction.opposite().index()].says(&mut taken);
        let segment = flow.segment(direction, taken.header, taken.body);
        self.out.push(segment);
    }

    pub(super) fn reopen_window(&mut self, id: FlowId, at: Direction) {
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        end.is_reader = false;
        if end.owes_window() {
            let header = end.window_update();
            let segment = flow.segment(at.opposite(), header, Body::Ack);
            self.out.push(segment);
        }
    }

    /// An acknowledgement followed by another segment at the same instant is redundant: a real stack would have waited
    /// a little and sent only the latter.
    pub(super) fn drop_bare_acknowledgements(&mut self, first: usize) {
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
}

/// The flow of the alias that a packet is sent to.
fn flow_of(packet: &Packet, flows: &Slots<Flow>) -> Option<FlowId> {
    wire::slot(SocketAddr::new(packet.dst, 0)).and_then(|slot| flows.at(slot))
}
