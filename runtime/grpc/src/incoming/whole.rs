//! Passes messages on only when they are complete, to readers that would allocate memory for the declared length:
//! tonic's codec allocates a message's buffer when it has read its length.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::server::{Account, Charge, Of, Refusal};

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// A longer message is passed on in pieces: tonic refuses it when it has read its length.
const WHOLE_MAX: usize = 4 << 20;

/// A message that is not complete yet.
pub(super) struct Whole {
    buffer: BytesMut,
    /// The length at which it is checked again.
    need: usize,
    /// The remaining length of a message that is passed on in pieces.
    passing: usize,
    held: Charge,
    /// When a message that has begun must be complete.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Whole {
    pub(super) fn new(account: &Arc<Account>) -> Self {
        Whole {
            buffer: BytesMut::new(),
            need: 0,
            passing: 0,
            held: Charge::new(account, Of::Requests),
            timer: None,
        }
    }

    /// Takes received bytes and returns the complete messages: perhaps none.
    ///
    /// # Errors
    /// When the memory limit is reached.
    pub(super) fn push(&mut self, data: Bytes) -> Result<Bytes, Status> {
        if self.buffer.is_empty() {
            return self.sort(data);
        }
        self.hold(data.len())?;
        self.buffer.extend_from_slice(&data);
        if self.buffer.len() < self.need {
            return Ok(Bytes::new());
        }
        let all = std::mem::take(&mut self.buffer).freeze();
        self.timer = None;
        self.sort(all)
    }

    /// The received part of a message that will not be completed.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.buffer).freeze()
    }

    /// Ready when a message takes too long.
    pub(super) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        if self.buffer.is_empty() {
            return Poll::Pending;
        }
        let limit = self.held.account().limits().read;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(context).map(|()| {
            let why = format_args!("a message was refused: it did not arrive within {limit:?} (limit read)");
            self.held.account().refuse(Refusal::Read, why);
            Status::deadline_exceeded(format!("the message did not arrive within {limit:?}"))
        })
    }

    /// Keeps the incomplete part of `data`, and returns the rest.
    fn sort(&mut self, mut data: Bytes) -> Result<Bytes, Status> {
        let mut end = self.passing.min(data.len());
        self.passing -= end;
        while end < data.len() {
            self.need = match data[end..] {
                [_, a, b, c, d, ..] => PREFIX + u32::from_be_bytes([a, b, c, d]) as usize,
                _ => PREFIX,
            };
            let here = data.len() - end;
            if here < self.need && self.need <= PREFIX + WHOLE_MAX {
                break;
            }
            self.passing = self.need.saturating_sub(here);
            end += self.need.min(here);
        }
        let whole = data.split_to(end);
        if !data.is_empty() {
            self.hold(data.len())?;
            self.buffer.extend_from_slice(&data);
        }
        Ok(whole)
    }

    fn hold(&mut self, more: usize) -> Result<(), Status> {
        let held = self.held.grow_to(self.buffer.len() + more);
        held.map_err(|full| {
            Status::resource_exhausted(format!("the request is refused: {}", full.of(Of::Requests)))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole() -> Whole {
        Whole::new(&Account::new(crate::Limits::default(), Arc::default()))
    }

    fn message(length: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend(u32::try_from(length).unwrap().to_be_bytes());
        message.extend(vec![7; length]);
        message
    }

    proptest! {
        #[test]
        fn whatever_the_pieces_all_comes_out_and_messages_in_one(
            lengths in proptest::collection::vec(0..40_usize, 0..6),
            cuts in proptest::collection::vec(1..30_usize, 1..20),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|it| message(*it)).collect();
            let ends: Vec<usize> = lengths
                .iter()
                .scan(0, |end, it| { *end += PREFIX + it; Some(*end) })
                .collect();
            let mut whole = whole();
            let (mut out, mut left) = (Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                if left.is_empty() { break; }
                let (piece, rest) = left.split_at(left.len().min(*cut));
                left = rest;
                out.extend(whole.push(Bytes::copy_from_slice(piece)).unwrap());
                prop_assert!(out.is_empty() || ends.contains(&out.len()), "{} of {ends:?}", out.len());
            }
            prop_assert!(whole.rest().is_empty());
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn an_announced_message_takes_no_memory_and_its_head_is_not_handed_on() {
        let mut whole = whole();
        let announced = Bytes::from_static(&[0, 0, 0x3f, 0xff, 0xff]);
        assert!(whole.push(announced.clone()).unwrap().is_empty());
        assert!(whole.buffer.capacity() < 1024);
        assert_eq!(whole.rest(), announced);
    }

    #[test]
    fn what_is_longer_than_tonic_takes_is_passed_on_as_it_comes() {
        let mut whole = whole();
        let large = message(WHOLE_MAX + 1);
        let (head, rest) = large.split_at(100);
        assert_eq!(whole.push(Bytes::copy_from_slice(head)).unwrap(), head);
        let behind = [rest, &message(3)].concat();
        assert_eq!(whole.push(behind.clone().into()).unwrap(), behind);
        assert!(whole.push(Bytes::from_static(&[0])).unwrap().is_empty());
    }
}
