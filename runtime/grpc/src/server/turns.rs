//! Large responses of one connection take turns, so that a small one waits for a piece of one of them, not of each.
//!
//! HTTP/2 sends one frame of each stream in turn, and a small response is three frames. With four large responses
//! beside it, it would wait for twelve of their frames. So HTTP/2 has only one piece of a large response at a time.
//! The next large response passes on its piece when that one is written, and by then pending small responses have
//! been sent. Pieces are smaller while small responses are sent between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes};
use h2::SendStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::ledger::Charge;
use crate::FRAME_MAX;

/// The size of a piece among small responses.
const PIECE_MIN: usize = 64 * 1024;
/// After this many bytes without a small response in between, pieces are as large as frames may be.
const QUIET: usize = 1 << 20;

/// The turns of one connection. Clones share them.
#[derive(Clone)]
pub(super) struct Turns(Arc<Inner>);

struct Inner {
    /// First come, first served.
    turn: Arc<Semaphore>,
    /// The number of bytes of large responses since the last small one.
    quiet: AtomicUsize,
    /// The number of large responses being sent.
    large: AtomicUsize,
    /// The numbers of small responses that were passed on meanwhile, and of those that have been sent.
    small: AtomicUsize,
    gone: AtomicUsize,
    /// Notified when one has been sent.
    went: Notify,
}

impl Turns {
    pub(super) fn new() -> Self {
        Turns(Arc::new(Inner {
            turn: Arc::new(Semaphore::new(1)),
            // The following load is not known yet.
            quiet: AtomicUsize::new(0),
            large: AtomicUsize::new(0),
            small: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            went: Notify::new(),
        }))
    }

    /// Registers a large response, until the guard is dropped.
    pub(super) fn enter(&self) -> Entered {
        self.0.large.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }

    /// Waits for a turn, which lasts until its piece is written.
    pub(super) async fn next(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.0.turn).acquire_owned().await;
        // Only small responses that are pending now, not later ones: otherwise the wait would never end.
        let small = self.0.small.load(Ordering::Relaxed);
        loop {
            let went = self.0.went.notified();
            let left = small.wrapping_sub(self.0.gone.load(Ordering::Relaxed));
            if left == 0 || left > usize::MAX / 2 {
                return turn.expect("nobody closes it");
            }
            went.await;
        }
    }

    /// The current size of a piece.
    pub(super) fn piece(&self) -> usize {
        if self.0.quiet.load(Ordering::Relaxed) >= QUIET {
            FRAME_MAX as usize
        } else {
            PIECE_MIN
        }
    }

    /// A piece of a large answer is sent.
    pub(super) fn large(&self, bytes: usize) {
        let quiet = self.0.quiet.load(Ordering::Relaxed);
        if quiet < QUIET {
            self.0.quiet.store(quiet + bytes, Ordering::Relaxed);
        }
    }

    /// Sends the whole message of a small response. It is not written later than a large piece that is passed on
    /// after it, unless the peer's window is closed: then its time is unknown.
    ///
    /// # Errors
    /// When the stream is gone.
    pub(super) fn send_small(
        &self,
        bytes: Bytes,
        held: Charge,
        stream: &mut SendStream<Piece>,
    ) -> Result<(), h2::Error> {
        if self.0.quiet.load(Ordering::Relaxed) > 0 {
            self.0.quiet.store(0, Ordering::Relaxed);
        }
        let mut piece = Piece::from(bytes);
        piece.held = Some(Held::Alone(held));
        if self.0.large.load(Ordering::Relaxed) > 0 {
            stream.reserve_capacity(piece.remaining());
            if stream.capacity() >= piece.remaining() {
                self.0.small.fetch_add(1, Ordering::Relaxed);
                piece.ticket = Some(Ticket::Small(self.clone()));
            }
        }
        stream.send_data(piece, false)
    }
}

/// A large answer is being sent.
pub(super) struct Entered(Turns);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.large.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes of a response.
pub(super) struct Piece {
    bytes: Bytes,
    /// Returned with the last byte.
    ticket: Option<Ticket>,
    /// The response that the bytes belong to.
    held: Option<Held>,
}

/// The charge of a response.
enum Held {
    /// The whole of a small one.
    Alone(Charge),
    /// A large one, of which this is a piece.
    Shared(Arc<Charge>),
}

/// What others wait for.
enum Ticket {
    /// The turn of a large response, which is returned by dropping it.
    Large {
        _turn: OwnedSemaphorePermit,
    },
    Small(Turns),
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Ticket::Small(turns) = self {
            turns.0.gone.fetch_add(1, Ordering::Relaxed);
            turns.0.went.notify_waiters();
        }
    }
}

impl Piece {
    /// A piece of the large response that has the turn.
    pub(super) fn in_turn(bytes: Bytes, turn: OwnedSemaphorePermit, held: Arc<Charge>) -> Self {
        Piece {
            bytes,
            ticket: Some(Ticket::Large { _turn: turn }),
            held: Some(Held::Shared(held)),
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Piece {
            bytes,
            ticket: None,
            held: None,
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        match &self.held {
            Some(Held::Alone(held)) => held.account().take(count),
            Some(Held::Shared(held)) => held.account().take(count),
            None => {}
        }
        if self.bytes.is_empty() {
            self.ticket = None;
            self.held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::ledger::{Account, Of};
    use super::super::limits::Limits;
    use super::*;

    #[test]
    fn a_turn_lasts_until_its_piece_is_written() {
        let turns = Turns::new();
        let turn = Arc::clone(&turns.0.turn);
        let account = Account::new(Limits::default(), Arc::default());
        let held = Arc::new(Charge::new(&account, Of::Answers));
        let mut piece = Piece::in_turn(
            Bytes::from_static(b"large"),
            Arc::clone(&turn).try_acquire_owned().unwrap(),
            Arc::clone(&held),
        );
        piece.advance(4);
        assert_eq!(turn.available_permits(), 0);
        piece.advance(1);
        assert_eq!(turn.available_permits(), 1);
        // Or until it is discarded.
        let permit = Arc::clone(&turn).try_acquire_owned().unwrap();
        drop(Piece::in_turn(Bytes::from_static(b"large"), permit, held));
        assert_eq!(turn.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_turn_waits_for_small_answers_that_were_there_before() {
        let turns = Turns::new();
        let small = || {
            turns.0.small.fetch_add(1, Ordering::Relaxed);
            Ticket::Small(turns.clone())
        };
        let (first, second) = (small(), small());
        let mut next = Box::pin(turns.next());
        assert!(timeout(Duration::ZERO, &mut next).await.is_err());
        let third = small();
        drop(first);
        assert!(timeout(Duration::ZERO, &mut next).await.is_err());
        drop(second);
        let turn = timeout(Duration::ZERO, &mut next).await;
        assert!(turn.is_ok(), "the third one came later");
        drop(third);
    }

    #[test]
    fn pieces_are_small_until_it_is_quiet() {
        let turns = Turns::new();
        for _ in 0..QUIET / PIECE_MIN {
            assert_eq!(turns.piece(), PIECE_MIN);
            turns.large(PIECE_MIN);
        }
        assert_eq!(turns.piece(), FRAME_MAX as usize);
    }
}
