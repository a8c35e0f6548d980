//! A message in HTTP/2 frames.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};
use squall_proto::Bulk;

use super::PREFIX;
use super::compression::gzip;
use crate::FRAME_MAX;

/// Data of this size or more is sent without copying it into its message first.
pub(super) const BULKY: usize = 16 * 1024;
/// The size of a small frame, which leaves room for the fields around data that is not bulky.
const SMALL: usize = BULKY + 4096;
/// Compressing fewer bytes gains nothing.
const COMPRESSIBLE: usize = 1024;

/// A message in HTTP/2 frames: one frame or, when its data is large, the data in a frame of its own.
#[derive(Clone)]
pub struct Frames {
    head: Option<Bytes>,
    data: Option<Bytes>,
}

impl Frames {
    /// The next bytes, at most this many.
    pub(crate) fn next(&mut self, most: usize) -> Option<Bytes> {
        let frame = if self.head.is_some() {
            &mut self.head
        } else {
            &mut self.data
        };
        match frame {
            Some(bytes) if bytes.len() > most => Some(bytes.split_to(most)),
            frame => frame.take(),
        }
    }

    /// Compresses the message if that makes it shorter; returns true then.
    pub(crate) fn gzip(&mut self) -> bool {
        if self.len() < PREFIX + COMPRESSIBLE {
            return false;
        }
        let parts = [&self.head, &self.data].into_iter().flatten();
        let mut left = PREFIX;
        let message = parts.map(|part| {
            let skipped = left.min(part.len());
            left -= skipped;
            &part[skipped..]
        });
        let compressed = gzip(message);
        if PREFIX + compressed.len() >= self.len() {
            return false;
        }
        let mut head = BytesMut::with_capacity(PREFIX + compressed.len());
        head.put_u8(1);
        head.put_u32(u32::try_from(compressed.len()).unwrap_or(u32::MAX));
        head.put_slice(&compressed);
        *self = Frames {
            head: Some(head.freeze()),
            data: None,
        };
        true
    }

    /// Everything except large data.
    pub(crate) fn next_head(&mut self) -> Option<Bytes> {
        match &self.data {
            Some(_) => self.head.take(),
            None => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none() && self.data.is_none()
    }

    /// The number of remaining bytes.
    pub(crate) fn len(&self) -> usize {
        [&self.head, &self.data]
            .into_iter()
            .flatten()
            .map(Bytes::len)
            .sum()
    }

    /// True when no frame is so large that others should not have to wait for all of it.
    pub(crate) fn is_small(&self) -> bool {
        self.data.is_none() && self.head.as_ref().is_none_or(|head| head.len() <= SMALL)
    }
}

/// The frame size for large bodies, given the number of them that are being sent on a connection. HTTP/2 sends a
/// frame of each in turn: a small body waits for one turn, which takes about as long whatever their number.
pub(crate) fn share(bodies: usize) -> usize {
    (FRAME_MAX as usize / bodies.max(1)).max(FRAME_MIN)
}

/// Smaller frames cost more than the waiting that they save. It is HTTP/2's default.
const FRAME_MIN: usize = 16 * 1024;

pub(crate) fn framed(mut message: impl Bulk) -> Frames {
    // Protobuf leaves the order of fields open: this one comes last.
    let data = match message.bulk() {
        Some((field, data)) if data.len() >= BULKY => Some((key(field), std::mem::take(data))),
        _ => None,
    };
    let tail = data.as_ref().map_or(0, |(key, data)| {
        encoded_len_varint(u64::from(*key)) + encoded_len_varint(data.len() as u64) + data.len()
    });
    let length = message.encoded_len() + tail;
    let mut head = BytesMut::with_capacity(PREFIX + message.encoded_len() + 20);
    head.put_u8(0);
    // Sizes are checked against a limit long before they exceed 32 bits.
    head.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode(&mut head).expect("a buffer that grows has room");
    let data = data.map(|(key, data)| {
        encode_varint(u64::from(key), &mut head);
        encode_varint(data.len() as u64, &mut head);
        data
    });
    Frames {
        head: Some(head.freeze()),
        data,
    }
}

/// Frames a message that is already encoded.
pub(crate) fn framed_bytes(message: Bytes) -> Frames {
    let is_bulky = message.len() >= BULKY;
    let mut head = BytesMut::with_capacity(PREFIX + if is_bulky { 0 } else { message.len() });
    head.put_u8(0);
    // Sizes are checked against a limit long before they exceed 32 bits.
    head.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    if !is_bulky {
        head.put_slice(&message);
    }
    Frames {
        head: Some(head.freeze()),
        data: is_bulky.then_some(message),
    }
}

/// The prefix of data: its field, its wire type and its length.
fn key(field: u32) -> u32 {
    field << 3 | prost::encoding::WireType::LengthDelimited as u32
}
