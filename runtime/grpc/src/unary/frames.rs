//! A message as HTTP/2 carries it.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};
use squall_proto::Bulk;

use super::PREFIX;
use super::compression::gzip;
use crate::FRAME_MAX;

/// Data of so many bytes is sent as it is, and not copied into its message first.
pub(super) const BULKY: usize = 16 * 1024;
/// A frame of so many bytes is small, which leaves room for what stands around data that is not bulky.
const SMALL: usize = BULKY + 4096;
/// Of less there is nothing to be gained by compression.
const COMPRESSIBLE: usize = 1024;

/// A message as HTTP/2 carries it: one frame or, when its data is large, the data in a frame of its own.
#[derive(Clone)]
pub struct Frames {
    head: Option<Bytes>,
    data: Option<Bytes>,
}

impl Frames {
    /// The next bytes, at most so many.
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

    /// Compresses the message, if that makes it shorter: then true.
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

    /// All but the data, if that is large.
    pub(crate) fn next_head(&mut self) -> Option<Bytes> {
        match &self.data {
            Some(_) => self.head.take(),
            None => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none() && self.data.is_none()
    }

    /// How many bytes are left.
    pub(crate) fn len(&self) -> usize {
        [&self.head, &self.data]
            .into_iter()
            .flatten()
            .map(Bytes::len)
            .sum()
    }

    /// True when none is so large that others should not have to wait for all of it.
    pub(crate) fn is_small(&self) -> bool {
        self.data.is_none() && self.head.as_ref().is_none_or(|head| head.len() <= SMALL)
    }
}

/// How many bytes of a large body are sent in one frame, with so many large bodies on their way on a connection.
/// HTTP/2 sends a frame of each in turn: what is small waits for one turn, which is about as long whatever their number.
pub(crate) fn share(bodies: usize) -> usize {
    (FRAME_MAX as usize / bodies.max(1)).max(FRAME_MIN)
}

/// Frames of less cost more than the waiting that they save. It is what HTTP/2 begins with.
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
    // Sizes are checked against a limit long before they leave 32 bits.
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

/// What stands before data: its field, and that it is bytes of a length of their own.
fn key(field: u32) -> u32 {
    field << 3 | prost::encoding::WireType::LengthDelimited as u32
}
