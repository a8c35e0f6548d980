//! What crosses the simulated network: the unit that the fault model judges and the digest covers.

use bytes::Bytes;

use crate::host::HostId;

/// Names a flow: one TCP connection, or the attempt at one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowId {
    /// The place in tables that both the engine and the network keep; used again after a flow is gone.
    pub(crate) slot: u32,
    /// Unique in a run.
    pub(crate) number: u64,
}

/// Which way along a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the side that dialled.
    ToServer,
    /// To the side that dialled.
    ToClient,
}

impl Direction {
    /// The end that writes in one direction is the one that receives the other.
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
    /// The reader has made room (a window update).
    Window,
    /// The side that dialled has heard that the connection is open (ACK). Never lost: what follows it says so
    /// too, and if nothing does, nobody waits for it.
    Confirm,
    /// Nothing but the header, from an engine that acknowledges what arrives. Says what every later segment
    /// says too, so that losing one loses nothing.
    Ack,
    /// No more bytes will come this way.
    Fin,
    /// The connection does not exist, or not any more.
    Reset(Cause),
}

/// What a reset is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A socket was closed with data unread: it is sent once.
    Close,
    /// An answer to a connect. Like the next, it comes again when it is lost, for the peer sends again what
    /// was not answered.
    Connect,
    /// An answer to any other segment.
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

    /// For people.
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

/// What engines tell themselves beside the body, as TCP does in its header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the body stands in the stream of its direction.
    pub(crate) sequence: u32,
    /// How far the sender has come with the other direction: rides along.
    pub(crate) acknowledged: u64,
    /// Room for that direction, in bytes.
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
    /// Its place among the segments of its flow and direction. The network sets it.
    pub(crate) order: u64,
    pub(crate) body: Body,
}
