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

/// How long a peer that was asked to leave, and that has no in-flight request, may be silent.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for a peer that may still be reading a response.
const PATIENCE_READING: Duration = Duration::from_secs(3);
/// How long after its last request a peer may still be reading the response.
const READING: Duration = Duration::from_secs(10);
/// How long a connection that is closed because of the peer's behaviour is kept, to report the reason.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The number of requests of a connection that are started in a row before other connections run. Each becomes a
/// task, and a peer with thousands of requests at once would fill the queue of its thread, so that others wait behind
/// all of them.
const BEGUN_AT_ONCE: usize = 16;
/// The limit of a peer's headers, in bytes as HTTP/2 counts them.
const HEADERS_MAX: u32 = 16 * 1024;

type Http2<S> = h2::server::Connection<Socket<S>, Piece>;

/// Serves a connection until it ends. `going_away` resolves when its peer is to be asked to leave.
///
/// The peer reports how a connection ended.
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
    // It counts until it is dropped.
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

/// Why a connection did not get as far as HTTP/2.
enum Unshaken {
    /// It took too long.
    Late,
    /// It speaks another protocol, or is gone; or the server has no more time.
    Over,
}

/// Waits this long for a peer's HTTP/2 preface, and only briefly once it `is_told` to leave.
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
    /// When a connection ends whose peer was notified that its behaviour closes it.
    last_words: Option<Pin<Box<Sleep>>>,
    /// Whether responses are compressed for peers that accept that.
    compress: bool,
    leaving: Leaving,
}

/// The states of a peer that is asked to leave.
///
/// ```text
///        asked              the peer has answered, and its last stream has ended
///   Not ------> Asked ------------------------------------------------------------> closed, with its peer or later
///                 |  nothing is in the works, and nothing came in for a while            ^
///                 '------> Told off ------------------------------------------------------'
/// ```
///
/// Requests that were on their way when it was asked are served: only the peer's response to a ping behind the first
/// GOAWAY shows that no more can come. Then a second GOAWAY names the last stream that is served.
enum Leaving {
    Not,
    Asked {
        patience: Pin<Box<Sleep>>,
        /// The number of reads when it began.
        reads: u64,
    },
    /// It has not answered, and gets the second GOAWAY nevertheless; or it has pinged too often.
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
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                // Everything that was read has been started.
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

    /// Starts no more requests for a while.
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

    /// Writes pending frames, and starts no requests. Ready when the connection has ended.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.connection.poll_closed(context).map(drop)
    }

    /// Refuses a request beyond its connection's limit.
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

    /// True once, when the peer keeps sending requests that are refused without reading the refusals, or does not
    /// take its responses.
    fn is_too_much(&mut self, context: &mut Context<'_>) -> bool {
        if self.last_words.is_some() || self.shared.is_ending() {
            return false;
        }
        if !self.shared.take_blocked() {
            self.account.forget_turned_away();
        }
        // Refusals take memory as well, until the peer has received them.
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
    // No limit on streams is announced to peers. Blocking calls nest: if clients wait at a limit, two modules can
    // wait for each other for ever. Requests beyond our limit are refused.
    protocol
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // Peers are modules, not the open internet: many calls that time out at once are not an attack.
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(Some(RESET_STREAMS_MAX));
    protocol
}
