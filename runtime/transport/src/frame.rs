//! One message in the body of a request, and in that of an answer. Spec: cluster 2.2.
//!
//! As grpc-go, a unary method takes the first message of a stream and does not look further.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use tonic::Status;

/// Before a message: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;
/// A longer answer is passed on in pieces, as its peer takes it.
const PIECE: usize = 64 * 1024;
const ENCODING: &str = "grpc-encoding";

/// Refuses a request that announces a compression: none is spoken here.
///
/// # Errors
/// `UNIMPLEMENTED`.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), Status> {
    match headers.get(ENCODING).map(|it| it.as_bytes()) {
        None | Some(b"" | b"identity") => Ok(()),
        Some(other) => Err(Status::unimplemented(format!(
            "grpc: Decompressor is not installed for grpc-encoding {:?}: send messages uncompressed",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// Reads the first message of a body, of at most `limit` bytes. Memory is taken as the bytes come.
///
/// # Errors
/// `UNKNOWN` when the body ends before that, `RESOURCE_EXHAUSTED` for a longer message, `INTERNAL` for a compressed one.
pub(crate) async fn message<B>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut input = Input::default();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| Status::from_error(error.into()))?;
        if let Ok(data) = frame.into_data()
            && let Some(message) = input.push(data, limit)?
        {
            return Ok(message);
        }
    }
    Err(Status::unknown(match input.is_empty() {
        true => "EOF",
        false => "unexpected EOF",
    }))
}

/// The bytes that have come.
#[derive(Default)]
struct Input {
    /// The first frame, which mostly is the only one.
    first: Bytes,
    /// All frames, if there are several.
    all: BytesMut,
}

impl Input {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.all.is_empty()
    }

    /// Takes further bytes, and returns the message if it is complete.
    fn push(&mut self, data: Bytes, limit: usize) -> Result<Option<Bytes>, Status> {
        if self.is_empty() {
            self.first = data;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
        let bytes = if self.all.is_empty() {
            &self.first[..]
        } else {
            &self.all
        };
        let Some((&[flag, ref length @ ..], _)) = bytes.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = (&length[..]).get_u32() as usize;
        if length > limit {
            return Err(Status::resource_exhausted(format!(
                "grpc: received message larger than max ({length} vs. {limit})"
            )));
        }
        if bytes.len() < PREFIX + length {
            return Ok(None);
        }
        match flag {
            0 => {}
            1 => {
                return Err(Status::internal(
                    "grpc: compressed flag set with identity or empty encoding",
                ));
            }
            flag => {
                return Err(Status::internal(format!(
                    "grpc: received unexpected payload format {flag}"
                )));
            }
        }
        let all = if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        };
        Ok(Some(all.slice(PREFIX..PREFIX + length)))
    }
}

/// The body of an answer: one message, and trailers; or nothing.
#[derive(Default)]
pub(crate) struct Reply {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl Reply {
    /// A message, and its trailers.
    pub(crate) fn new(message: &[u8], trailers: HeaderMap) -> Self {
        let mut data = BytesMut::with_capacity(PREFIX + message.len());
        data.put_u8(0);
        // Its size was checked against a limit.
        data.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        data.put_slice(message);
        Reply {
            data: data.freeze(),
            trailers: Some(trailers),
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let piece = self.data.len().min(PIECE);
        let frame = match piece {
            0 => self.trailers.take().map(Frame::trailers),
            piece => Some(Frame::data(self.data.split_to(piece))),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 100;

    /// What is read when the bytes come in pieces of this size.
    fn pushed(bytes: &[u8], piece: usize) -> Result<Option<Bytes>, Status> {
        let mut input = Input::default();
        for piece in bytes.chunks(piece) {
            if let Some(message) = input.push(Bytes::copy_from_slice(piece), LIMIT)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    proptest! {
        #[test]
        fn a_message_is_read_whatever_the_pieces_and_what_follows_is_not(
            message in proptest::collection::vec(any::<u8>(), 0..LIMIT),
            behind: Vec<u8>,
            piece in 1_usize..40,
        ) {
            let mut bytes = Reply::new(&message, HeaderMap::new()).data.to_vec();
            bytes.extend(behind);
            prop_assert_eq!(pushed(&bytes, piece).unwrap().unwrap(), message);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, piece in 1_usize..40) {
            drop(pushed(&bytes, piece));
        }
    }

    #[test]
    fn a_long_message_is_refused_by_its_length() {
        let status = pushed(&[0, 0, 0, 0, 101], 5).unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert!(pushed(&[0, 0, 0, 0, 100], 5).unwrap().is_none());
    }
}
