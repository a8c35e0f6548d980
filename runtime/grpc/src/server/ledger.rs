//! The memory that a server holds for its peers, and its refusals.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Level, event};

use super::limits::{FREE, Limits};

/// The minimum interval between two log lines about the same kind of refusal.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// The kinds of refusals, and their reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A connection: [`Limits::connections`] are open and in use.
    Connection,
    /// A connection: its address has reached [`Limits::address_connections`].
    Address,
    /// A connection that was open and idle: another one came, and [`Limits::connections`] were open.
    Idle,
    /// A connection that could not be accepted: the process has no descriptors left, or the machine no memory.
    Accept,
    /// A connection without an HTTP/2 preface within [`Limits::handshake`].
    Handshake,
    /// A request: [`Limits::streams`] of its connection are in flight.
    Stream,
    /// A request: the maximum of the server's service is in flight.
    InFlight,
    /// A request: it exceeds [`Limits::connection_bytes`] or [`Limits::server_bytes`].
    RequestBytes,
    /// A response, for the same reason: the request was handled.
    AnswerBytes,
    /// A request that did not arrive within [`Limits::read`].
    Read,
    /// A connection, or one response, that was not taken within [`Limits::take`].
    Take,
}

impl Refusal {
    /// All kinds, in a fixed order.
    pub const ALL: [Refusal; 11] = [
        Refusal::Connection,
        Refusal::Address,
        Refusal::Idle,
        Refusal::Accept,
        Refusal::Handshake,
        Refusal::Stream,
        Refusal::InFlight,
        Refusal::RequestBytes,
        Refusal::AnswerBytes,
        Refusal::Read,
        Refusal::Take,
    ];

    /// The name, as in the log and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Connection => "connection",
            Refusal::Address => "address",
            Refusal::Idle => "idle",
            Refusal::Accept => "accept",
            Refusal::Handshake => "handshake",
            Refusal::Stream => "stream",
            Refusal::InFlight => "in_flight",
            Refusal::RequestBytes => "request_bytes",
            Refusal::AnswerBytes => "answer_bytes",
            Refusal::Read => "read",
            Refusal::Take => "take",
        }
    }
}

/// The memory that one server holds for its peers, and its refusals by kind: shared by its connections. The log has a
/// warning for each kind of refusal (`server.refused`), at most one in ten seconds.
#[derive(Debug)]
pub struct Ledger {
    /// The server's name in the log.
    name: Arc<str>,
    request_bytes: AtomicUsize,
    answer_bytes: AtomicUsize,
    /// The number of paused connections.
    resting: AtomicUsize,
    refused: [AtomicU64; Refusal::ALL.len()],
    said: [Mutex<Said>; Refusal::ALL.len()],
}

/// The last log line about a kind of refusal.
#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    /// The number of refusals by then.
    count: u64,
}

impl Ledger {
    /// An empty ledger, of a server with this name in the log.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Ledger {
            name: name.into(),
            request_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            resting: AtomicUsize::new(0),
            refused: Default::default(),
            said: Default::default(),
        }
    }

    /// The number of refusals of this kind.
    pub fn refused(&self, what: Refusal) -> u64 {
        self.refused[what as usize].load(Ordering::Relaxed)
    }

    /// Bytes of requests held for all connections.
    pub fn request_bytes(&self) -> usize {
        self.request_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of responses held for all connections.
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes.load(Ordering::Relaxed)
    }

    /// Records a refusal; `why` names the limit and the remedy.
    pub fn refuse(&self, what: Refusal, why: impl Display) {
        let count = self.refused[what as usize].fetch_add(1, Ordering::Relaxed) + 1;
        let now = Instant::now();
        let mut said = self.said[what as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if said.at.is_some_and(|at| now - at < SAID_AGAIN) {
            return;
        }
        let unsaid = (count - said.count).saturating_sub(1);
        *said = Said { at: Some(now), count };
        drop(said);
        event!(
            name: "server.refused",
            target: "squall::grpc",
            Level::WARN,
            server = &*self.name,
            what = what.as_str(),
            count,
            unsaid,
            "{why}"
        );
    }

    fn bytes(&self, of: Of) -> &AtomicUsize {
        match of {
            Of::Requests => &self.request_bytes,
            Of::Answers => &self.answer_bytes,
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger::new("")
    }
}

/// What the bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Requests,
    Answers,
}

/// The account of one connection.
#[derive(Debug)]
pub(crate) struct Account {
    limits: Limits,
    ledger: Arc<Ledger>,
    /// In-flight requests.
    streams: AtomicUsize,
    /// A request has come since the last check.
    asked: AtomicBool,
    request_bytes: AtomicUsize,
    answer_bytes: AtomicUsize,
    /// The number of requests refused since all pending frames were last written.
    turned_away: AtomicUsize,
    /// The number of response bytes taken by the peer. Each byte counts twice, when it is taken and when its response
    /// is dropped, so that an abandoned response counts as well.
    taken: AtomicU64,
}

impl Account {
    pub(crate) fn new(limits: Limits, ledger: Arc<Ledger>) -> Arc<Self> {
        Arc::new(Account {
            limits,
            ledger,
            streams: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            request_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn refuse(&self, what: Refusal, why: impl Display) {
        self.ledger.refuse(what, why);
    }

    /// A place for a request, unless all are taken.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let seat = Seat(Arc::clone(self));
        self.asked.store(true, Ordering::Relaxed);
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        (before < self.limits.streams).then_some(seat)
    }

    /// Records that the connection is paused, until the guard is dropped, and returns the number of the server's
    /// paused connections, including it.
    pub(crate) fn rest(self: &Arc<Self>) -> (Resting, usize) {
        let others = self.ledger.resting.fetch_add(1, Ordering::Relaxed);
        (Resting(Arc::clone(self)), others + 1)
    }

    /// Whether a request has come since the last query.
    pub(crate) fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// True when no request is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.load(Ordering::Relaxed) == 0
    }

    /// Bytes of responses that the peer has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.answer_bytes.load(Ordering::Relaxed)
    }

    /// Whether so many response bytes are pending that the next response would probably exceed the limit. Producing
    /// it would be useless.
    pub(crate) fn has_no_room_for_answers(&self) -> Option<Full> {
        let nearly_all = |limit: usize| limit - limit / 16;
        let own = self.unsent();
        if own >= nearly_all(self.limits.connection_bytes) {
            Some(Full::Connection(self.limits.connection_bytes))
        } else if own > FREE && self.ledger.answer_bytes() >= nearly_all(self.limits.server_bytes) {
            Some(Full::Server(self.limits.server_bytes))
        } else {
            None
        }
    }

    /// A request was refused with an HTTP/2 frame, which takes memory until the peer has it.
    pub(crate) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// All pending frames are written.
    pub(crate) fn forget_turned_away(&self) {
        if self.turned_away() > 0 {
            self.turned_away.store(0, Ordering::Relaxed);
        }
    }

    /// Grows with each response byte that the peer takes, and by a whole response once that is dropped.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The peer takes this many bytes of a response.
    pub(crate) fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn bytes(&self, of: Of) -> &AtomicUsize {
        match of {
            Of::Requests => &self.request_bytes,
            Of::Answers => &self.answer_bytes,
        }
    }

    fn add(&self, of: Of, more: usize) -> Result<(), Full> {
        let own = self
            .bytes(of)
            .fetch_add(more, Ordering::Relaxed)
            .saturating_add(more);
        let all = self
            .ledger
            .bytes(of)
            .fetch_add(more, Ordering::Relaxed)
            .saturating_add(more);
        let full = if own > self.limits.connection_bytes {
            Full::Connection(self.limits.connection_bytes)
        } else if all > self.limits.server_bytes && own > FREE {
            Full::Server(self.limits.server_bytes)
        } else {
            return Ok(());
        };
        self.remove(of, more);
        let what = match of {
            Of::Requests => Refusal::RequestBytes,
            Of::Answers => Refusal::AnswerBytes,
        };
        self.refuse(what, full.of(of));
        Err(full)
    }

    fn remove(&self, of: Of, bytes: usize) {
        self.bytes(of).fetch_sub(bytes, Ordering::Relaxed);
        self.ledger.bytes(of).fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The place of an in-flight request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Account>);

impl Seat {
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The pause of a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Resting(Arc<Account>);

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.ledger.resting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes that are held, until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Arc<Account>,
    of: Of,
    bytes: usize,
}

impl Charge {
    /// No bytes yet.
    pub(crate) fn new(account: &Arc<Account>, of: Of) -> Self {
        Charge {
            account: Arc::clone(account),
            of,
            bytes: 0,
        }
    }

    /// Holds this many bytes in total, if they are more than before.
    ///
    /// # Errors
    /// When they exceed a limit; the held bytes are unchanged then.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        self.account.add(self.of, more)?;
        self.bytes = bytes;
        Ok(())
    }

    /// True when it holds no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.remove(self.of, self.bytes);
        if self.of == Of::Answers {
            // Also for a response that its caller has abandoned.
            self.account.take(self.bytes);
        }
    }
}

/// The limit for bytes is reached; the number is the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Connection(usize),
    Server(usize),
}

impl Full {
    /// As text; `what` was refused.
    pub(crate) fn of(self, of: Of) -> String {
        let what = match of {
            Of::Requests => "requests that are being read or handled",
            Of::Answers => "answers that were not taken yet",
        };
        match self {
            Full::Connection(limit) => format!("{self}: {what} hold {limit} bytes of this connection"),
            Full::Server(limit) => format!("{self}: {what} hold {limit} bytes of this server"),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Full::Connection(_) => "the limit connection_bytes is reached",
            Full::Server(_) => "the limit server_bytes is reached",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(connection_bytes: usize, server_bytes: usize) -> [Arc<Account>; 2] {
        let ledger = Arc::<Ledger>::default();
        let limits = Limits {
            streams: 1,
            connection_bytes,
            server_bytes,
            ..Limits::default()
        };
        [(); 2].map(|()| Account::new(limits, Arc::clone(&ledger)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_dropped_makes_room_and_what_is_refused_holds_nothing() {
        let [account, _] = accounts(100, 1000);
        let mut first = Charge::new(&account, Of::Answers);
        first.grow_to(60).unwrap();
        first.grow_to(10).unwrap();
        let mut second = Charge::new(&account, Of::Answers);
        assert_eq!(second.grow_to(41), Err(Full::Connection(100)));
        second.grow_to(40).unwrap();
        Charge::new(&account, Of::Requests).grow_to(100).unwrap();
        drop(first);
        second.grow_to(100).unwrap();
        drop(second);
        assert_eq!((account.unsent(), account.ledger.answer_bytes()), (0, 0));
        assert_eq!(account.ledger.refused(Refusal::AnswerBytes), 1);
        assert_eq!(account.ledger.refused(Refusal::RequestBytes), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_for_much_is_refused_and_one_that_asks_for_little_is_not() {
        let [greedy, modest] = accounts(10 * FREE, 4 * FREE);
        let mut much = Charge::new(&greedy, Of::Answers);
        much.grow_to(4 * FREE).unwrap();
        assert_eq!(much.grow_to(4 * FREE + 1), Err(Full::Server(4 * FREE)));
        let mut little = Charge::new(&modest, Of::Answers);
        little.grow_to(FREE).unwrap();
        assert_eq!(little.grow_to(FREE + 1), Err(Full::Server(4 * FREE)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_seat_is_given_back_and_refusing_one_takes_none() {
        let [account, _] = accounts(1, 1);
        let seat = account.seat().unwrap();
        assert!(account.seat().is_none());
        assert!(account.seat().is_none());
        drop(seat);
        assert!(account.seat().is_some());
    }
}
