//! tonic's codec for protobuf, with buffers that fit the messages.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::BufferSettings;
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer holds at first, in bytes. It grows with its message. tonic's own 8 KiB, four times a call,
/// are most of the memory that a small call touches.
const BUFFER_BYTES: usize = 512;
/// From how many bytes on a stream's messages are sent without waiting for more: as tonic has it.
const YIELD_BYTES: usize = 32 * 1024;

/// Encodes and decodes messages as [`tonic_prost::ProstCodec`] does, in smaller buffers.
#[derive(Debug, Clone)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Codec(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}
