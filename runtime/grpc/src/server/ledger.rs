//! What a server holds for its peers, and what it has refused them.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Level, event};

use super::limits::{FREE, Limits};

/// How far apart two lines of the log about the same kind of refusal are at least.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// What a server refuses, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A connection: [`Limits::connections`] are open, and in use.
    Connection,
    /// A connection: its address has [`Limits::address_connections`].
    Address,
    /// A connection that was open and not used: another one came, and [`Limits::connections`] were open.
    Idle,
    /// A connection that could not be accepted: the process has no descriptors left, or the machine no memory.
    Accept,
    /// A connection that did not say within [`Limits::handshake`] that it speaks HTTP/2.
    Handshake,
    /// A request: [`Limits::streams`] of its connection are in the works.
    Stream,
    /// A request: as many of the server are in the works as its service takes.
    InFlight,
    /// A request: it is more than [`Limits::connection_bytes`] or [`Limits::server_bytes`] permit.
    RequestBytes,
    /// An answer, for the same reason: the request was handled.
    AnswerBytes,
    /// A request that did not arrive within [`Limits::read`].
    Read,
    /// A connection, or one answer, that was not taken within [`Limits::take`].
    Take,
}

impl Refusal {
    /// All there are, in a fixed order.
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

    /// One word, as in the log and in metrics.
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

/// What one server holds for its peers, and how often it has refused what: shared by its connections. The log has a
/// warning of each kind of refusal (`server.refused`), at most one in ten seconds.
#[derive(Debug)]
pub struct Ledger {
    /// What the log calls the server.
    name: Arc<str>,
    request_bytes: AtomicUsize,
    answer_bytes: AtomicUsize,
    /// How many connections rest.
    resting: AtomicUsize,
    refused: [AtomicU64; Refusal::ALL.len()],
    said: [Mutex<Said>; Refusal::ALL.len()],
}

/// The last line of the log about a kind of refusal.
#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    /// How many there had been by then.
    count: u64,
}

impl Ledger {
    /// An empty one, of a server that the log calls so.
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

    /// How often something was refused for this reason.
    pub fn refused(&self, what: Refusal) -> u64 {
        self.refused[what as usize].load(Ordering::Relaxed)
    }

    /// Bytes of requests that are held for all connections.
    pub fn request_bytes(&self) -> usize {
        self.request_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of answers that are held for all connections.
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes.load(Ordering::Relaxed)
    }

    /// Something is refused; `why` names the limit and the remedy.
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

/// What bytes are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Requests,
    Answers,
}

/// What one connection holds.
#[derive(Debug)]
pub(crate) struct Account {
    limits: Limits,
    ledger: Arc<Ledger>,
    /// Requests in the works.
    streams: AtomicUsize,
    /// A request has come since somebody looked.
    asked: AtomicBool,
    request_bytes: AtomicUsize,
    answer_bytes: AtomicUsize,
    /// How many requests were refused since all that there was to say was last written.
    turned_away: AtomicUsize,
    /// How many bytes of answers the peer has taken: of each twice, while it goes and when it is gone, so that one that is
    /// given up counts as well.
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

    /// Says that the connection rests, until the guard is dropped; and how many of the server's do, with it.
    pub(crate) fn rest(self: &Arc<Self>) -> (Resting, usize) {
        let others = self.ledger.resting.fetch_add(1, Ordering::Relaxed);
        (Resting(Arc::clone(self)), others + 1)
    }

    /// Whether a request has come since this was last asked.
    pub(crate) fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// True when no request is in the works.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight() == 0
    }

    /// Bytes of answers that the peer has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.answer_bytes.load(Ordering::Relaxed)
    }

    /// Whether so much of the answers is still to be taken that the next one would probably find no room. Making it would be
    /// in vain.
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

    /// A request was refused with a word of HTTP/2's, which takes memory until the peer has it.
    pub(crate) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// All that there was to say is written.
    pub(crate) fn forget_turned_away(&self) {
        if self.turned_away() > 0 {
            self.turned_away.store(0, Ordering::Relaxed);
        }
    }

    /// Grows with each byte of answers that the peer takes, and by all of an answer once that is gone.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The peer takes so much of an answer.
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

/// The place of a request in the works, until it is dropped.
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

/// A connection rests, until it is dropped.
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
    /// None yet.
    pub(crate) fn new(account: &Arc<Account>, of: Of) -> Self {
        Charge {
            account: Arc::clone(account),
            of,
            bytes: 0,
        }
    }

    /// Holds so many in all, if they are more than before.
    ///
    /// # Errors
    /// When there is no room for them; it holds what it did.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        self.account.add(self.of, more)?;
        self.bytes = bytes;
        Ok(())
    }

    /// True when it holds none.
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
            // Also one that nobody wants any more.
            self.account.take(self.bytes);
        }
    }
}

/// There is no room for more bytes; the number is the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Connection(usize),
    Server(usize),
}

impl Full {
    /// In words, of what was refused.
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
