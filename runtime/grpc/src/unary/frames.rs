//! A message as HTTP/2 carries it.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};
use squall_proto::Bulk;

use super::PREFIX;

/// Data of so many bytes is sent as it is, and not copied into its message first.
pub(super) const BULKY: usize = 16 * 1024;

/// A message as HTTP/2 carries it: one frame or, when its data is large, the data in a frame of its own.
pub struct Frames {
    head: Option<Bytes>,
    data: Option<Bytes>,
}

impl Frames {
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.head.take().or_else(|| self.data.take())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none() && self.data.is_none()
    }
}

pub(super) fn framed(mut message: impl Bulk) -> Frames {
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
