//! Segments: the unit that crosses the simulated network, that faults act on, and that the digest covers.

use bytes::Bytes;

use crate::host::HostId;

/// Identifies a flow: one TCP connection, or one connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowId {
    /// Index in tables of both the engine and the network; reused after a flow is gone.
    pub(crate) slot: u32,
    /// Unique in a run.
    pub(crate) number: u64,
}

/// Direction along a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the side that dialled.
    ToServer,
    /// To the side that dialled.
    ToClient,
}

impl Direction {
    /// The end that writes in one direction receives the other.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }
}

/// What a segment carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Opens a connection to this port (SYN).
    Connect { port: u16 },
    /// The connection is open (SYN, ACK).
    Accept,
    /// Bytes of the stream.
    Data(Bytes),
    /// The reader has free buffer space (a window update).
    Window,
    /// The side that dialled knows that the connection is open (ACK). Never lost: later segments imply it, and without
    /// any, nothing waits for it.
    Confirm,
    /// A bare acknowledgement, from engines that acknowledge segments. Later segments imply it, so its loss has no
    /// effect.
    Ack,
    /// No more bytes will come this way.
    Fin,
    /// The connection does not exist, or no longer (RST).
    Reset(Cause),
}

/// The reason of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A socket was closed with unread data: sent once.
    Close,
    /// A response to a connect. Like the next, it is repeated if lost, because the peer retransmits what got no response.
    Connect,
    /// A response to any other segment.
    Segment,
}

impl Body {
    /// A stable number for the digest.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Body::Connect { .. } => 1,
            Body::Accept => 2,
            Body::Data(_) => 3,
            Body::Fin => 4,
            Body::Reset(_) => 5,
            Body::Window => 6,
            Body::Ack => 7,
            Body::Confirm => 8,
        }
    }

    /// Display text.
    pub(crate) fn name(code: u8) -> &'static str {
        match code {
            1 => "connect",
            2 => "accept",
            3 => "data",
            4 => "fin",
            5 => "reset",
            6 => "window",
            8 => "confirm",
            _ => "ack",
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Data(bytes) => bytes,
            _ => &[],
        }
    }
}

/// Header fields that engines use, as in TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sequence number in its direction.
    pub(crate) sequence: u32,
    /// The acknowledgement of the other direction.
    pub(crate) acknowledged: u64,
    /// The window of the other direction, in bytes.
    pub(crate) window: u16,
}

impl Header {
    pub(crate) fn acknowledging(acknowledged: u64) -> Self {
        Header {
            acknowledged,
            ..Header::default()
        }
    }
}

/// One segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) flow: FlowId,
    pub(crate) direction: Direction,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) header: Header,
    /// Its number within its flow and direction. Set by the network.
    pub(crate) order: u64,
    pub(crate) body: Body,
}
