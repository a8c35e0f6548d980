//! Captures the simulated network: every delivered segment, as an IPv4 packet.
//!
//! Timestamps are arrival times: a held or lost segment appears when it gets through. Sequence numbers start at zero
//! for each direction of a connection, so they count the preceding bytes. For an engine without packets, a segment
//! longer than an IPv4 packet is split.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::segment::{Body, Direction, Segment};

/// Payload bytes per packet. Any size that fits the 16 bits of IPv4's length is possible.
const LONGEST_PAYLOAD: usize = 32 * 1024;
const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;
const PROTOCOL_TCP: u8 = 6;
/// The window in every packet: the simulator's windows are not TCP's.
const WINDOW: u16 = u16::MAX;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// One packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Virtual nanoseconds since the start of the run.
    pub at: u64,
    /// An IPv4 packet with its TCP segment.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Capture {
    packets: Vec<Packet>,
    /// By the number of the flow.
    flows: BTreeMap<u64, Tracked>,
}

/// The state of one flow.
#[derive(Debug, Clone, Copy)]
struct Tracked {
    client: SocketAddr,
    server: SocketAddr,
    /// The next sequence number of each direction.
    next: [u32; 2],
}

impl Capture {
    /// Adds a segment that arrives. `ends` are the addresses of its client and its server, if the engine still knows
    /// the flow.
    pub(crate) fn arrival(&mut self, at: u64, segment: &Segment, ends: Option<(SocketAddr, SocketAddr)>) {
        let number = segment.flow.number;
        if let Some((client, server)) = ends {
            self.flows.entry(number).or_insert(Tracked {
                client,
                server,
                next: [0, 0],
            });
        }
        let Some(tracked) = self.flows.get_mut(&number) else {
            return;
        };
        let flags = match &segment.body {
            Body::Connect { .. } => SYN,
            Body::Accept => SYN | ACK,
            Body::Data(_) => PSH | ACK,
            Body::Window | Body::Ack | Body::Confirm => ACK,
            Body::Fin => FIN | ACK,
            Body::Reset(_) => RST | ACK,
        };
        let mut rest = segment.body.bytes();
        loop {
            let (payload, left) = rest.split_at(rest.len().min(LONGEST_PAYLOAD));
            rest = left;
            let bytes = tracked.packet(segment.direction, flags, payload);
            self.packets.push(Packet { at, bytes });
            if rest.is_empty() {
                break;
            }
        }
    }

    pub(crate) fn into_packets(self) -> Vec<Packet> {
        self.packets
    }
}

impl Tracked {
    fn packet(&mut self, direction: Direction, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = match direction {
            Direction::ToServer => (self.client, self.server),
            Direction::ToClient => (self.server, self.client),
        };
        let sequence = self.next[direction.index()];
        let acknowledged = if flags & ACK == 0 {
            0
        } else {
            self.next[1 - direction.index()]
        };
        let occupied = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[direction.index()] = sequence.wrapping_add(occupied);

        let mut tcp = Vec::with_capacity(TCP_HEADER + payload.len());
        tcp.extend(from.port().to_be_bytes());
        tcp.extend(to.port().to_be_bytes());
        tcp.extend(sequence.to_be_bytes());
        tcp.extend(acknowledged.to_be_bytes());
        tcp.extend([(TCP_HEADER as u8 / 4) << 4, flags]);
        tcp.extend(WINDOW.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(payload);
        let (from, to) = (octets(from), octets(to));
        let length = (tcp.len() as u16).to_be_bytes();
        let sum = checksum(&[&from, &to, &[0, PROTOCOL_TCP], &length, &tcp]);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());

        let mut packet = Vec::with_capacity(IP_HEADER + tcp.len());
        packet.extend([0x45, 0]);
        packet.extend(((IP_HEADER + tcp.len()) as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, PROTOCOL_TCP, 0, 0]);
        packet.extend(from);
        packet.extend(to);
        let sum = checksum(&[&packet]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(tcp);
        packet
    }
}

fn octets(address: SocketAddr) -> [u8; 4] {
    match address.ip() {
        IpAddr::V4(address) => address.octets(),
        // Simulated hosts have only IPv4 addresses.
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
    }
}

/// The Internet checksum (RFC 1071) over the parts, each of an even length but the last.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = 0;
    for word in words {
        let word = [word[0], word.get(1).copied().unwrap_or(0)];
        sum += u32::from(u16::from_be_bytes(word));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // The example of RFC 1071, section 3: the sum of these is ddf2.
        assert_eq!(
            checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]),
            !0xddf2
        );
        assert_eq!(checksum(&[&[0x01]]), !0x0100, "an odd byte is padded with zero");
    }
}
