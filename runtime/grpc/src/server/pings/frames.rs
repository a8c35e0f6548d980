//! Parses the heads of HTTP/2 frames in passing. Spec: RFC 9113, 4.1.

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: u32,
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
}

impl Head {
    pub(super) const LENGTH: usize = 9;

    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RESET: u8 = 3;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;

    fn of([l0, l1, l2, kind, flags, s0, s1, s2, s3]: [u8; Head::LENGTH]) -> Self {
        Head {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }

    pub(super) fn is_ack(self) -> bool {
        self.flags & 1 != 0
    }

    pub(super) fn ends_stream(self) -> bool {
        self.flags & 1 != 0
    }
}

/// The position in a stream of frames.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    /// The rest of the current frame, or of the preface.
    left: usize,
    head: [u8; Head::LENGTH],
    /// The received part of the next head.
    filled: usize,
}

/// The preface of a client.
const PREFACE: usize = 24;

impl Frames {
    pub(super) fn behind_preface() -> Self {
        Frames {
            left: PREFACE,
            ..Frames::default()
        }
    }

    /// Takes bytes up to the end of the next head, and returns it; `None` when all are taken.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Head> {
        let skipped = self.left.min(bytes.len());
        *bytes = &bytes[skipped..];
        self.left -= skipped;
        let taken = (Head::LENGTH - self.filled).min(bytes.len());
        let (head, rest) = bytes.split_at(taken);
        self.head[self.filled..][..taken].copy_from_slice(head);
        self.filled += taken;
        *bytes = rest;
        if self.filled < Head::LENGTH {
            return None;
        }
        self.filled = 0;
        let head = Head::of(self.head);
        self.left = head.length as usize;
        Some(head)
    }

    /// The head in these bytes, if a frame begins with them.
    pub(super) fn begins(&self, bytes: &[u8]) -> Option<Head> {
        if self.left > 0 || self.filled > 0 {
            return None;
        }
        bytes.first_chunk().copied().map(Head::of)
    }
}
