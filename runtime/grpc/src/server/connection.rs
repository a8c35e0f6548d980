//! One connection of a server: its requests, and its end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use h2::Reason;
use h2::server::{Builder, SendResponse};
use squall_platform::Platform;
use tokio::time::{Instant, Sleep, sleep};

use super::guests::Guest;
use super::ledger::{Account, Refusal};
use super::liveness::{Alive, Liveness};
use super::pace::Pace;
use super::request::{Reading, Work};
use super::socket::{Shared, Socket};
use super::taking::Taking;
use super::turns::{Piece, Turns};
use super::{Service, Serving};
use crate::{CONNECTION_WINDOW, FRAME_MAX, Incoming, RESET_STREAMS_MAX, STREAM_WINDOW};

/// How long a peer that was asked to leave, and for which nothing is in the works, may be silent.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for one that may still be reading an answer.
const PATIENCE_READING: Duration = Duration::from_secs(3);
/// How long after its last request a peer may still be reading the answer.
const READING: Duration = Duration::from_secs(10);
/// How long a connection that is closed for the peer's sake is kept, to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How many requests of a connection are begun with in a row before others have their turn. Each becomes a task, and who
/// asks for thousands at once would fill the queue of its thread, so that others wait behind all of them.
const BEGUN_AT_ONCE: usize = 16;
/// What a peer may send of headers, in bytes as HTTP/2 counts them.
const HEADERS_MAX: u32 = 16 * 1024;

type Http2<S> = h2::server::Connection<Socket<S>, Piece>;

/// Serves a connection until it ends. `going_away` resolves when its peer is to be asked to leave.
///
/// How a connection ends is its peer's to report.
pub(super) async fn serve<P, S, G>(
    platform: P,
    stream: P::Stream,
    serving: Serving,
    guest: Arc<Guest>,
    service: S,
    going_away: Option<G>,
) where
    P: Platform,
    S: Service,
    G: Future<Output = ()>,
{
    let shared = Arc::<Shared>::default();
    let account = Arc::clone(guest.account());
    // It counts until it is gone.
    let guest = &*guest;
    let mut going_away = pin!(async move {
        let told = async {
            match going_away {
                Some(told) => told.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = told => {}
            () = guest.asked_to_leave() => {}
        }
    });
    let handshake = protocol().handshake(Socket::new(stream, Arc::clone(&shared), serving.pings));
    let mut is_told = false;
    let patience = serving.limits.handshake;
    let connection = match shake_hands(handshake, patience, going_away.as_mut(), &mut is_told).await {
        Ok(connection) => connection,
        Err(Unshaken::Late) => return refuse_silent(&account),
        Err(Unshaken::Over) => return,
    };
    let mut driver = Driver {
        liveness: serving.keepalive.map(Liveness::new),
        platform,
        service,
        connection,
        shared,
        asked: Instant::now(),
        turns: Turns::new(),
        pace: Pace::default(),
        account,
        taking: Taking::default(),
        last_words: None,
        compress: serving.compress,
        leaving: Leaving::Not,
    };
    if is_told {
        driver.leave();
    }
    poll_fn(|context| {
        if matches!(driver.leaving, Leaving::Not) && going_away.as_mut().poll(context).is_ready() {
            driver.leave();
        }
        driver.poll(context)
    })
    .await;
}

#[cold]
fn refuse_silent(account: &Account) {
    let after = account.limits().handshake;
    let why = format_args!(
        "a connection was closed: its peer did not say within {after:?} that it speaks HTTP/2 (limit handshake)"
    );
    account.refuse(Refusal::Handshake, why);
}

/// Why a peer has not said that it speaks HTTP/2.
enum Unshaken {
    /// It took too long.
    Late,
    /// It speaks something else, or is gone; or it is the server that has no more time.
    Over,
}

/// Waits so long for a peer to say that it speaks HTTP/2, and not for long once it `is_told` to leave.
async fn shake_hands<S>(
    handshake: h2::server::Handshake<Socket<S>, Piece>,
    patience: Duration,
    mut going_away: Pin<&mut impl Future<Output = ()>>,
    is_told: &mut bool,
) -> Result<Http2<S>, Unshaken>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut handshake = pin!(handshake);
    let mut patience = pin!(sleep(patience));
    poll_fn(|context| {
        if let Poll::Ready(shaken) = handshake.as_mut().poll(context) {
            return Poll::Ready(shaken.map_err(|_| Unshaken::Over));
        }
        if !*is_told && going_away.as_mut().poll(context).is_ready() {
            *is_told = true;
            patience.as_mut().reset(Instant::now() + PATIENCE);
        }
        let late = patience.as_mut().poll(context);
        late.map(|()| Err(if *is_told { Unshaken::Over } else { Unshaken::Late }))
    })
    .await
}

/// Drives a connection that speaks HTTP/2.
struct Driver<P: Platform, S> {
    platform: P,
    service: S,
    connection: Http2<P::Stream>,
    shared: Arc<Shared>,
    liveness: Option<Liveness>,
    /// When the last request came, or the connection began.
    asked: Instant,
    turns: Turns,
    pace: Pace,
    account: Arc<Account>,
    taking: Taking,
    /// When a connection ends of which the peer was told that it is closed for its sake.
    last_words: Option<Pin<Box<Sleep>>>,
    /// Whether compressed answers are sent to those who can read them.
    compress: bool,
    leaving: Leaving,
}

/// How a peer leaves that is asked to.
///
/// ```text
///        told               the peer has heard, and its last stream has ended
///   Not ------> Asked ------------------------------------------------------------> closed, with its peer or later
///                 |  nothing is in the works, and nothing came in for a while            ^
///                 '------> Told off ------------------------------------------------------'
/// ```
///
/// What was on its way when it was asked is served: only the peer's answer to a ping behind the first GOAWAY says that
/// no more can come. Then a second GOAWAY names the last stream that is served.
enum Leaving {
    Not,
    Asked {
        patience: Pin<Box<Sleep>>,
        /// How much had come in when it began.
        reads: u64,
    },
    /// It has not answered, and is named the last stream all the same; or it has pinged too often.
    ToldOff,
}

impl<P: Platform, S: Service> Driver<P, S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.pace.poll(context).is_pending() {
            return self.write(context);
        }
        let mut begun = 0;
        loop {
            if begun == BEGUN_AT_ONCE {
                self.shared.hold_reading(true);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.connection.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    begun += 1;
                    self.asked = Instant::now();
                    let Some(seat) = self.account.seat() else {
                        self.refuse(respond);
                        if self.pace.refused() {
                            return self.rest(context);
                        }
                        continue;
                    };
                    if !matches!(self.leaving, Leaving::Not) {
                        self.shared.answers_late();
                    }
                    let reading = Reading::of(request.headers(), self.compress);
                    let account = Arc::clone(&self.account);
                    let request = request.map(|body| Incoming::new(body, self.asked, account));
                    let answer = self.service.call(request);
                    let work = Work::new(answer, respond, self.turns.clone(), seat, reading);
                    self.platform.spawn(work);
                    if self.pace.begun(self.account.in_flight()) {
                        return self.rest(context);
                    }
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                // All that was read is begun with.
                Poll::Pending if self.shared.is_held() => self.shared.hold_reading(false),
                Poll::Pending if self.poll_last_words(context).is_ready() => return Poll::Ready(()),
                Poll::Pending if self.is_annoyed() => {
                    self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                Poll::Pending if self.poll_patience(context).is_ready() => {
                    self.connection.abrupt_shutdown(Reason::NO_ERROR);
                }
                Poll::Pending if self.is_too_much(context) => {
                    self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                Poll::Pending => match &mut self.liveness {
                    Some(liveness) if !self.shared.is_ending() => {
                        match liveness.poll(context, &mut self.connection, self.shared.reads()) {
                            Alive::Yes => return Poll::Pending,
                            Alive::Pinged => {}
                            Alive::No => return Poll::Ready(()),
                        }
                    }
                    _ => return Poll::Pending,
                },
            }
        }
    }

    /// Begins with nothing more for a while.
    #[cold]
    fn rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.shared.hold_reading(true);
        self.pace.rest(&self.account);
        match self.pace.poll(context) {
            Poll::Pending => self.write(context),
            Poll::Ready(()) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Writes what there is to say, and begins with nothing. Ready when the connection has ended.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.connection.poll_closed(context).map(drop)
    }

    /// Refuses a request that is one too many for its connection.
    #[cold]
    fn refuse(&mut self, mut respond: SendResponse<Piece>) {
        respond.send_reset(Reason::REFUSED_STREAM);
        self.account.turn_away();
        let limit = self.account.limits().streams;
        let why = format_args!(
            "a request was refused: {limit} of its connection are in the works, the most that are taken (limit \
             streams)"
        );
        self.account.refuse(Refusal::Stream, why);
    }

    /// True once, when the peer asks on and on for what it is refused, without reading that; or does not take its answers.
    fn is_too_much(&mut self, context: &mut Context<'_>) -> bool {
        if self.last_words.is_some() || self.shared.is_ending() {
            return false;
        }
        if !self.shared.take_blocked() {
            self.account.forget_turned_away();
        }
        // What is refused takes memory as well, until the peer has been told.
        let is_too_much = self.account.turned_away() > self.account.limits().streams
            || self.taking.poll(context, &self.account).is_ready();
        if is_too_much {
            self.last_words = Some(Box::pin(sleep(LAST_WORDS)));
        }
        is_too_much
    }

    fn poll_last_words(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.last_words {
            Some(end) => end.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// True once, when the peer has pinged too often.
    fn is_annoyed(&mut self) -> bool {
        let is_annoyed = self.shared.are_too_many_pings() && !matches!(self.leaving, Leaving::ToldOff);
        if is_annoyed {
            self.leaving = Leaving::ToldOff;
        }
        is_annoyed
    }

    /// Asks the peer to leave.
    fn leave(&mut self) {
        self.connection.graceful_shutdown();
        if self.connection.has_streams() {
            self.shared.answers_late();
        }
        self.leaving = Leaving::Asked {
            patience: Box::pin(sleep(self.patience())),
            reads: self.shared.reads(),
        };
    }

    fn patience(&self) -> Duration {
        if self.asked.elapsed() < READING {
            PATIENCE_READING
        } else {
            PATIENCE
        }
    }

    /// Ready once, when a peer that was asked to leave has been silent for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let next = self.patience();
        let Leaving::Asked { patience, reads } = &mut self.leaving else {
            return Poll::Pending;
        };
        while patience.as_mut().poll(context).is_ready() {
            if self.shared.is_ending() {
                return Poll::Pending;
            }
            let before = std::mem::replace(reads, self.shared.reads());
            if before == *reads && !self.connection.has_streams() {
                self.leaving = Leaving::ToldOff;
                return Poll::Ready(());
            }
            patience.as_mut().reset(Instant::now() + next);
        }
        Poll::Pending
    }
}

fn protocol() -> Builder {
    let mut protocol = Builder::new();
    // Peers are told no limit on streams. Blocking calls nest: with any that they wait at, two modules can wait for each
    // other for ever. What is beyond ours is refused.
    protocol
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // Peers are modules, not the open internet: many calls that time out at once are no attack.
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(Some(RESET_STREAMS_MAX));
    protocol
}
