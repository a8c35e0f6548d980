//! Converts between packets and segments.
//!
//! Each end of a flow knows the other by an alias, an address that identifies the flow and belongs to no
//! stack. So a packet's destination identifies its flow, even between two sockets of one stack. The listener, and the
//! process that owns it, are resolved when a connect arrives.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use crate::segment::{Body, Cause, FlowId, Header, Segment};

/// The number of slots in an alias: flows that may be open at once.
pub(super) const SLOTS: u32 = 1 << 24;

/// The address of the other end, as seen by both ends of a flow.
pub(super) fn alias(flow: FlowId) -> SocketAddr {
    let [_, b, c, d] = flow.slot.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(11, b, c, d)), mark(flow))
}

/// Distinguishes a flow from earlier ones in its slot.
fn mark(flow: FlowId) -> u16 {
    flow.number as u16
}

/// The slot of an alias.
pub(super) fn slot(alias: SocketAddr) -> Option<u32> {
    match alias.ip() {
        IpAddr::V4(address) => {
            let [network, b, c, d] = address.octets();
            (network == 11).then_some(u32::from_be_bytes([0, b, c, d]))
        }
        IpAddr::V6(_) => None,
    }
}

/// Whether an alias identifies this flow, among all of its slot.
pub(super) fn names(alias: SocketAddr, flow: FlowId) -> bool {
    alias.port() == mark(flow)
}

/// A packet in the simulator's form.
pub(super) struct Taken {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) header: Header,
    pub(super) body: Body,
    /// The number that acknowledges all of it.
    pub(super) next: u32,
}

/// Parses a packet; `port` is the requested port of a connect.
pub(super) fn take(packet: Packet, port: impl FnOnce() -> u16) -> Option<Taken> {
    let Transport::Tcp(tcp) = packet.payload else {
        return None;
    };
    let TcpFlags {
        syn, ack, fin, rst, ..
    } = tcp.flags;
    let length = tcp.payload.len() as u32 + u32::from(syn) + u32::from(fin);
    let body = match (rst, syn, ack) {
        // As in RFC 793: a reset for a segment with an acknowledgement has none itself; one for a connect has no
        // sequence number to start from.
        (true, _, false) => Body::Reset(Cause::Segment),
        (true, _, true) if tcp.seq == 0 => Body::Reset(Cause::Connect),
        (true, _, true) => Body::Reset(Cause::Close),
        (false, true, false) => Body::Connect { port: port() },
        (false, true, true) => Body::Accept,
        (false, false, _) if fin => Body::Fin,
        (false, false, _) if tcp.payload.is_empty() => Body::Ack,
        (false, false, _) => Body::Data(tcp.payload),
    };
    Some(Taken {
        from: SocketAddr::new(packet.src, tcp.src_port),
        to: SocketAddr::new(packet.dst, tcp.dst_port),
        header: Header {
            sequence: tcp.seq,
            acknowledged: tcp.ack.into(),
            window: tcp.window,
        },
        body,
        next: tcp.seq.wrapping_add(length),
    })
}

/// The packet that carries a segment to `to`.
pub(super) fn packet(segment: Segment, to: SocketAddr) -> Packet {
    let from = alias(segment.flow);
    let mut flags = TcpFlags {
        ack: true,
        ..TcpFlags::default()
    };
    match segment.body {
        Body::Connect { .. } => {
            flags.syn = true;
            flags.ack = false;
        }
        Body::Accept => flags.syn = true,
        Body::Fin => flags.fin = true,
        Body::Reset(_) => flags.rst = true,
        Body::Data(_) | Body::Window | Body::Confirm | Body::Ack => {}
    }
    let payload = match segment.body {
        Body::Data(bytes) => bytes,
        _ => Bytes::new(),
    };
    Packet {
        src: from.ip(),
        dst: to.ip(),
        ttl: 64,
        payload: Transport::Tcp(TcpSegment {
            src_port: from.port(),
            dst_port: to.port(),
            seq: segment.header.sequence,
            ack: segment.header.acknowledged as u32,
            flags,
            window: segment.header.window,
            payload,
        }),
    }
}
