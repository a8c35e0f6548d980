//! Reads one message from a body.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::header::HeaderMap;
use http_body::Body;
use prost::Message;
use tonic::Status;

use super::PREFIX;
use super::compression::{Encoding, gunzip};
use crate::server::{Charge, Of};

/// Decodes a message.
///
/// # Errors
/// `INTERNAL`, when it is malformed.
pub fn decoded<M: Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// The source of a status for a refused request that may be accepted later.
#[derive(Debug, thiserror::Error)]
#[error("there is no room for the request")]
struct NoRoom;

/// Whether a request was refused only because of a memory limit: the request itself is valid.
pub fn is_for_want_of_room(status: &Status) -> bool {
    status.source().is_some_and(|it| it.is::<NoRoom>())
}

/// A message of at most this size that came in one piece is not counted.
const UNCOUNTED: usize = 16 * 1024;
/// A buffer grows to at most this multiple of the received bytes: the declared length is not trusted.
const GROWTH: usize = 4;

/// Reads a body to its end into `input`, and returns that. Trailers of requests are ignored.
pub(super) async fn read<B>(body: B, input: Input, limit: usize) -> Result<Input, Status>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = body;
    let mut input = input;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| Status::from_error(error.into()))?;
        if let Ok(data) = frame.into_data() {
            input.push(data, limit)?;
        }
    }
    Ok(input)
}

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Answer,
}

/// The incoming bytes of one message.
///
/// They take memory as they come, not by their declared length: a sender of five bytes must not cause 4 MB to be
/// allocated.
pub(super) struct Input {
    side: Side,
    encoding: Encoding,
    /// The first frame, which mostly is the only one.
    first: Bytes,
    /// All frames, if there are several.
    all: BytesMut,
    /// The account that they are charged to, if they are counted.
    held: Option<Charge>,
}

impl Input {
    /// For the message that follows these headers.
    pub(super) fn new(side: Side, headers: &HeaderMap) -> Self {
        Input {
            side,
            encoding: Encoding::of(headers),
            first: Bytes::new(),
            all: BytesMut::new(),
            held: None,
        }
    }

    /// What the bytes belong to.
    pub(super) fn charged_to(self, held: Charge) -> Self {
        Input {
            held: Some(held),
            ..self
        }
    }

    /// The charge for them: to be kept as long as the message is.
    pub(super) fn held(&mut self) -> Option<Charge> {
        self.held.take_if(|held| !held.is_empty())
    }

    fn bytes(&self) -> &[u8] {
        if self.all.is_empty() {
            &self.first
        } else {
            &self.all
        }
    }

    pub(super) fn push(&mut self, data: Bytes, limit: usize) -> Result<(), Status> {
        if self.bytes().is_empty() {
            self.first = data;
        } else {
            self.make_room(data.len())?;
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
        let Some(length) = self.length()? else {
            return Ok(());
        };
        if length > limit {
            // In tonic's words, which peers may know; the code is that of gRPC's other implementations.
            return Err(Status::resource_exhausted(format!(
                "Error, decoded message length too large: found {length} bytes, the limit is: {limit} bytes"
            )));
        }
        if self.bytes().len() - PREFIX > length {
            return Err(Status::internal(
                "more than one message came: a unary method takes one",
            ));
        }
        let here = self.bytes().len();
        if here > UNCOUNTED || here < PREFIX + length {
            self.charge(here)?;
        }
        Ok(())
    }

    /// Allocates room for this many more bytes, and for the whole message if much of it has arrived: its length was
    /// found to be within the limit.
    fn make_room(&mut self, more: usize) -> Result<(), Status> {
        let need = self.bytes().len() + more;
        if self.all.capacity() >= need {
            return Ok(());
        }
        let whole = self.length()?.map_or(0, |length| PREFIX + length);
        let room = whole.min(need * GROWTH).max(need);
        self.charge(room)?;
        self.all.reserve(room - self.all.len());
        Ok(())
    }

    /// Its memory size.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.all.capacity()
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Status> {
        let Some(held) = &mut self.held else { return Ok(()) };
        held.grow_to(bytes).map_err(|full| {
            let text = format!("the request is refused: {}", full.of(Of::Requests));
            let mut status = Status::resource_exhausted(text);
            status.set_source(Arc::new(NoRoom));
            status
        })
    }

    /// The length of the message, if it is known.
    fn length(&self) -> Result<Option<usize>, Status> {
        let Some((flag, mut length)) = self.bytes().get(..PREFIX).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        match flag {
            0 => {}
            1 => self.check_encoding()?,
            flag => {
                return Err(Status::internal(format!(
                    "the message begins with {flag}, which is neither compressed nor not"
                )));
            }
        }
        Ok(Some(length.get_u32() as usize))
    }

    /// Refuses a message with an unknown compression.
    fn check_encoding(&self) -> Result<(), Status> {
        let what = match self.side {
            Side::Request => "request",
            Side::Answer => "answer",
        };
        match (self.encoding, self.side) {
            (Encoding::Gzip, _) => Ok(()),
            (Encoding::Identity, _) => Err(Status::internal(format!(
                "the {what} says that it is compressed, and not how"
            ))),
            (Encoding::Other, Side::Request) => Err(Status::unimplemented(
                "the request is compressed in a way that is not known here: use gzip, or send it as it is",
            )),
            (Encoding::Other, Side::Answer) => Err(Status::internal(
                "the answer is compressed in a way that is not known here, and that it was not asked for",
            )),
        }
    }

    /// The message, if there is one. It is charged while [`Input::held`] is kept.
    pub(super) fn message(&mut self, limit: usize) -> Result<Option<Bytes>, Status> {
        if self.bytes().is_empty() {
            return Ok(None);
        }
        let whole = self
            .length()?
            .is_some_and(|length| self.bytes().len() == PREFIX + length);
        if !whole {
            return Err(Status::internal("the message is not whole"));
        }
        let mut bytes = if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        };
        let is_compressed = bytes[0] == 1;
        bytes.advance(PREFIX);
        if is_compressed {
            bytes = gunzip(&bytes, limit)?;
            if bytes.len() > UNCOUNTED {
                self.charge(bytes.len())?;
            }
        }
        Ok(Some(bytes))
    }
}
