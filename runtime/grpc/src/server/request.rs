//! One request: produces and sends its response, unless the caller cancels.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response};
use http_body::Body;
use tokio::time::timeout;
use tonic::Status;

use super::Answer;
use super::ledger::{Account, Charge, Full, Of, Refusal, Seat};
use super::limits::PER_ANSWER;
use super::turns::{Piece, Turns};
use crate::unary::compression::{ACCEPTED, ENCODING, GZIP, READABLE, accepts_gzip};
use crate::unary::{Frames, ReplyBody, success};

/// The task of one request.
///
/// ```text
///               the answer is there                       all is sent
///   Answering ----------------------> Sending, if it is large ------> done
///       |                               |
///       '---- the caller gives up ------'---------------------------> dropped
/// ```
pub(super) struct Work {
    respond: SendResponse<Piece>,
    turns: Turns,
    seat: Seat,
    reading: Reading,
    begun: bool,
    stage: Stage,
}

/// The encodings that the peer accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// It announces its encodings, so ours are announced to it.
    tells: bool,
    /// It also wants that encoding.
    gzip: bool,
}

impl Reading {
    /// From the headers of a request. `compress`: whether compressed responses are sent at all.
    pub(super) fn of(headers: &HeaderMap, compress: bool) -> Self {
        Reading {
            tells: headers.contains_key(&ACCEPTED) || headers.contains_key(&ENCODING),
            gzip: compress && accepts_gzip(headers),
        }
    }
}

enum Stage {
    Answering(Answer),
    Sending(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Work {
    pub(super) fn new(
        answer: Answer,
        respond: SendResponse<Piece>,
        turns: Turns,
        seat: Seat,
        reading: Reading,
    ) -> Self {
        Work {
            respond,
            turns,
            seat,
            reading,
            begun: false,
            stage: Stage::Answering(answer),
        }
    }
}

impl Work {
    /// Refuses a request whose response would probably be discarded, before any handler has begun with it.
    #[cold]
    fn turn_away(&mut self, full: Full) {
        self.respond.send_reset(Reason::REFUSED_STREAM);
        let account = self.seat.account();
        account.turn_away();
        let why = format_args!(
            "a request was refused, as there is hardly room for its answer: {}",
            full.of(Of::Answers)
        );
        account.refuse(Refusal::AnswerBytes, why);
    }
}

impl Future for Work {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let work = &mut *self;
        if !std::mem::replace(&mut work.begun, true)
            && let Some(full) = work.seat.account().has_no_room_for_answers()
        {
            work.turn_away(full);
            return Poll::Ready(());
        }
        if let Stage::Answering(answer) = &mut work.stage {
            let Poll::Ready(response) = answer.as_mut().poll(context) else {
                // The caller has cancelled, or the connection is gone.
                return work.respond.poll_reset(context).map(drop);
            };
            let (account, turns) = (work.seat.account(), &work.turns);
            match send(response, &mut work.respond, turns, account, work.reading) {
                Some(rest) => work.stage = Stage::Sending(rest),
                None => return Poll::Ready(()),
            }
        }
        match &mut work.stage {
            Stage::Sending(rest) => rest.as_mut().poll(context),
            Stage::Answering(_) => Poll::Ready(()),
        }
    }
}

/// Sends a response, or the part of it that can be sent at once: then the rest is to follow.
///
/// Errors of cancelled callers and closed connections are ignored.
fn send(
    response: Response<ReplyBody>,
    respond: &mut SendResponse<Piece>,
    turns: &Turns,
    account: &Arc<Account>,
    reading: Reading,
) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let (mut head, mut body) = response.into_parts();
    if reading.tells {
        head.headers.entry(&ACCEPTED).or_insert(READABLE);
    }
    if reading.gzip
        && let ReplyBody::Unary(frames, _) = &mut body
        && frames.gzip()
    {
        head.headers.insert(&ENCODING, GZIP);
    }
    let mut held = Charge::new(account, Of::Answers);
    if let ReplyBody::Unary(frames, _) = &body
        && let Err(full) = held.grow_to(frames.len() + PER_ANSWER)
    {
        (head, body) = too_much(full).into_parts();
    }
    let head = Response::from_parts(head, ());
    let is_all = body.is_empty();
    let Ok(stream) = respond.send_response(head, is_all) else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return None;
    };
    if is_all {
        return None;
    }
    match body {
        ReplyBody::Unary(mut frames, trailers) if frames.is_small() => {
            let mut stream = stream;
            if let Some(frame) = frames.next(usize::MAX) {
                // However small the peer's window: the bytes are held until it opens.
                turns.send_small(frame, held, &mut stream).ok()?;
            }
            stream.send_trailers(success(trailers)).ok()?;
            None
        }
        body => Some(Box::pin(pump(body, stream, turns.clone(), held))),
    }
}

/// The response when the response's bytes exceed the limit.
#[cold]
fn too_much(full: Full) -> Response<ReplyBody> {
    let status = Status::resource_exhausted(format!("the answer was thrown away: {}", full.of(Of::Answers)));
    status.into_http()
}

/// Sends a body as fast as its peer takes it.
async fn pump(body: ReplyBody, mut stream: SendStream<Piece>, turns: Turns, held: Charge) {
    // `None` is an acceptable end: there is no receiver for an error.
    let (Some(()) | None) = match body {
        ReplyBody::Unary(frames, trailers) => unary(frames, trailers, &mut stream, &turns, held).await,
        ReplyBody::Other(body) => streamed(body, &mut stream).await,
        ReplyBody::None => None,
    };
}

/// Sends one large message, piece by piece.
async fn unary(
    mut frames: Frames,
    trailers: Option<Box<HeaderMap>>,
    stream: &mut SendStream<Piece>,
    turns: &Turns,
    held: Charge,
) -> Option<()> {
    let _entered = turns.enter();
    let held = Arc::new(held);
    // Everything except the data: at most one frame.
    if let Some(head) = frames.next_head() {
        stream.send_data(head.into(), false).ok()?;
    }
    while !frames.is_empty() {
        // The peer's window comes first: a sender that waits for it must not hold a turn that others wait for.
        is_permitted_in_time(stream, held.account()).await?;
        let turn = unless_reset(stream, turns.next()).await?;
        let most = turns.piece().min(frames.len());
        stream.reserve_capacity(most);
        let Some(bytes) = frames.next(most.min(stream.capacity())) else {
            break;
        };
        turns.large(bytes.len());
        stream
            .send_data(Piece::in_turn(bytes, turn, Arc::clone(&held)), false)
            .ok()?;
    }
    stream.send_trailers(success(trailers)).ok()
}

/// Sends the response of a tonic service, message by message.
async fn streamed(mut body: tonic::body::Body, stream: &mut SendStream<Piece>) -> Option<()> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match unless_reset(stream, frame).await? {
            None => return stream.send_data(Bytes::new().into(), true).ok(),
            Some(Err(_)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return None;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    is_permitted(stream).await?;
                    stream.send_data(data.into(), false).ok()?;
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return stream.send_trailers(trailers).ok();
                }
            },
        }
    }
}

/// As [`is_permitted`], but abandons a response that is not taken while others are.
async fn is_permitted_in_time(stream: &mut SendStream<Piece>, account: &Account) -> Option<()> {
    let limit = account.limits().take;
    // At worst, everything that waits now goes first; and each taken byte counts twice.
    let (taken, ahead) = (account.taken(), account.unsent() as u64 * 2);
    loop {
        if let Ok(permitted) = timeout(limit, is_permitted(stream)).await {
            return permitted;
        }
        if account.taken().wrapping_sub(taken) >= ahead {
            let why = format_args!(
                "an answer was given up: its peer has taken others, and nothing of this one for {limit:?} (limit take)"
            );
            account.refuse(Refusal::Take, why);
            stream.send_reset(Reason::ENHANCE_YOUR_CALM);
            return None;
        }
    }
}

/// Waits until the peer takes any bytes; `None` when it has cancelled.
async fn is_permitted(stream: &mut SendStream<Piece>) -> Option<()> {
    // No more than one byte: reserved window is not available to other streams.
    stream.reserve_capacity(1);
    poll_fn(|context| {
        if stream.poll_reset(context).is_ready() {
            return Poll::Ready(None);
        }
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(context)) {
                Some(Ok(_)) => {}
                _ => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(()))
    })
    .await
}

/// Waits for a future; `None` when the peer cancels first.
async fn unless_reset<T>(stream: &mut SendStream<Piece>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => stream.poll_reset(context).map(|_| None),
    })
    .await
}
