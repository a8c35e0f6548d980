//! The digest of a run: a rolling hash over every segment, and an optional trace that locates the first difference
//! between two runs.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::segment::{Body, Segment};

/// One segment, for the comparison of two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePoint {
    /// Virtual nanoseconds.
    pub at: u64,
    /// The digest of the run up to this segment, included.
    pub digest: u64,
    /// The number of the flow.
    pub flow: u64,
    /// The sending host's number.
    pub from: u32,
    /// The receiving host's number.
    pub to: u32,
    /// Payload bytes.
    pub bytes: u32,
    kind: u8,
}

impl TracePoint {
    /// The segment's kind: `connect`, `data`, ...
    pub fn kind(&self) -> &'static str {
        Body::name(self.kind)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Digest {
    value: u64,
    trace: Option<Vec<TracePoint>>,
}

impl Digest {
    pub(crate) fn new(traced: bool) -> Self {
        Digest {
            value: 0,
            trace: traced.then(Vec::new),
        }
    }

    #[inline]
    pub(crate) fn segment(&mut self, at: u64, segment: &Segment) {
        let mut head = [0u8; 40];
        head[..8].copy_from_slice(&at.to_le_bytes());
        head[8..16].copy_from_slice(&segment.flow.number.to_le_bytes());
        head[16..24].copy_from_slice(&segment.header.acknowledged.to_le_bytes());
        head[24..28].copy_from_slice(&segment.from.0.to_le_bytes());
        head[28..32].copy_from_slice(&segment.to.0.to_le_bytes());
        head[32] = segment.body.code();
        // The window of a connect is not interesting.
        let port_or_window = match segment.body {
            Body::Connect { port } => port,
            _ => segment.header.window,
        };
        head[33..35].copy_from_slice(&port_or_window.to_le_bytes());
        head[36..40].copy_from_slice(&segment.header.sequence.to_le_bytes());
        let bytes = segment.body.bytes();
        self.value = xxh3_64_with_seed(bytes, xxh3_64_with_seed(&head, self.value));
        if let Some(trace) = &mut self.trace {
            trace.push(TracePoint {
                at,
                digest: self.value,
                flow: segment.flow.number,
                from: segment.from.0,
                to: segment.to.0,
                bytes: bytes.len() as u32,
                kind: segment.body.code(),
            });
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.value
    }

    pub(crate) fn take_trace(&mut self) -> Vec<TracePoint> {
        self.trace.take().unwrap_or_default()
    }
}
