use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use proptest::prelude::*;
use squall_proto::Bulk;
use squall_proto::module::Response as Answer;
use tonic::{Code, Status};

use super::frames::{BULKY, framed};
use super::read::{Input, Side, decoded, read};
use super::*;

/// A body whose frames have all arrived.
struct Pieces(VecDeque<Frame<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// The message read from `bytes`, which arrive in pieces that end at `cuts`.
fn read_in_pieces(bytes: &[u8], cuts: &[usize], limit: usize) -> Result<Option<Bytes>, Status> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let pieces = cuts
        .windows(2)
        .map(|cut| Bytes::copy_from_slice(&bytes[cut[0]..cut[1]]));
    let frames = Pieces(pieces.map(Frame::data).collect());
    let mut context = Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(read(frames, Input::new(Side::Request, &HeaderMap::new()), limit)).poll(&mut context)
    {
        Poll::Ready(read) => read.and_then(|mut input| input.message(limit)),
        Poll::Pending => unreachable!("all frames are there"),
    }
}

/// All frames of a message, concatenated.
fn bytes_of(message: impl Bulk) -> Vec<u8> {
    let mut frames = framed(message);
    std::iter::from_fn(|| frames.next(usize::MAX)).flatten().collect()
}

fn answer(data: &[u8]) -> Answer {
    Answer {
        data: Bytes::copy_from_slice(data),
        error: String::new(),
    }
}

proptest! {
    #[test]
    fn what_is_framed_reads_back_in_whatever_pieces(
        data in proptest::collection::vec(any::<u8>(), 0..300),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let message = answer(&data);
        let read = read_in_pieces(&bytes_of(message.clone()), &cuts, 1000).unwrap().unwrap();
        prop_assert_eq!(decoded::<Answer>(read).unwrap(), message);
    }

    #[test]
    fn pieces_do_not_matter_and_nothing_panics(
        bytes in proptest::collection::vec(prop_oneof![3 => 0..9_u8, 1 => any::<u8>()], 0..40),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let whole = read_in_pieces(&bytes, &[], 20);
        let pieces = read_in_pieces(&bytes, &cuts, 20);
        prop_assert_eq!(whole.as_ref().ok(), pieces.as_ref().ok());
        prop_assert_eq!(
            whole.as_ref().err().map(Status::code),
            pieces.as_ref().err().map(Status::code)
        );
        let is_one_message = bytes.len() >= PREFIX
            && bytes[0] == 0
            && u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize == bytes.len() - PREFIX
            && bytes.len() - PREFIX <= 20;
        prop_assert_eq!(whole.is_ok(), is_one_message || bytes.is_empty());
        if let Ok(Some(message)) = whole {
            prop_assert_eq!(&*message, &bytes[PREFIX..]);
        }
    }
}

#[test]
fn large_data_is_sent_as_it_is_and_reads_back() {
    use squall_proto::module::{Message as Request, MessageRequest};
    let data = Bytes::from(vec![7; BULKY + 1000]);
    let request = Request {
        to: "a.in".into(),
        from: "b.out".into(),
        data: data.clone(),
        metadata: [("key".to_owned(), "value".to_owned())].into(),
    };
    let mut frames = framed(request.clone());
    frames.next(usize::MAX).expect("all but the data");
    assert_eq!(
        frames.next(usize::MAX).map(|it| it.as_ptr()),
        Some(data.as_ptr()),
        "not copied"
    );
    let read = read_in_pieces(&bytes_of(request.clone()), &[9, 16_000], 1 << 20);
    assert_eq!(decoded::<Request>(read.unwrap().unwrap()).unwrap(), request);

    let other = MessageRequest {
        payload: data,
        edge_id: "e".into(),
        ..MessageRequest::default()
    };
    let read = read_in_pieces(&bytes_of(other.clone()), &[], 1 << 20);
    assert_eq!(decoded::<MessageRequest>(read.unwrap().unwrap()).unwrap(), other);
}

#[test]
fn memory_grows_with_what_has_come_and_not_with_what_is_announced() {
    const LIMIT: usize = 4 << 20;
    let announced = u32::try_from(LIMIT).unwrap().to_be_bytes();
    let mut input = Input::new(Side::Request, &HeaderMap::new());
    input
        .push(Bytes::copy_from_slice(&[&[0], &announced[..]].concat()), LIMIT)
        .unwrap();
    let mut come = PREFIX;
    for piece in [1, 1, 10, 1000, 1000, 300_000, 1_000_000, LIMIT] {
        let piece = piece.min(PREFIX + LIMIT - come);
        input.push(vec![7; piece].into(), LIMIT).unwrap();
        come += piece;
        assert!(input.room() <= 5 * come, "{} for {come}", input.room());
    }
    assert_eq!(input.message(LIMIT).unwrap().unwrap().len(), LIMIT);
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_bytes_are_there() {
    let refused = read_in_pieces(&[0, 0xff, 0xff, 0xff, 0xff], &[], 1000).unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        refused.message(),
        "Error, decoded message length too large: found 4294967295 bytes, the limit is: 1000 bytes"
    );
    assert!(read_in_pieces(&bytes_of(answer(&[7; 992])), &[], 995).is_ok());
    assert!(read_in_pieces(&bytes_of(answer(&[7; 993])), &[], 995).is_err());
}
