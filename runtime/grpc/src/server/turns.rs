//! Large answers of one connection take turns, so that a small one waits for a piece of one of them and not of each.
//!
//! HTTP/2 sends one frame of each stream in turn, and a small answer is three frames. With four large answers beside
//! it, it would wait for twelve of theirs. So only one piece of a large answer is with HTTP/2 at a time: the next
//! answer hands its own on when that one is written. And pieces are smaller where small answers are sent between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::FRAME_MAX;

/// A piece among small answers.
const PIECE_MIN: usize = 32 * 1024;
/// So many bytes without a small answer between them, and pieces are as large as frames may be.
const QUIET: usize = 1 << 20;

/// The turns of one connection. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Turns(Arc<Inner>);

struct Inner {
    /// First come, first served.
    turn: Arc<Semaphore>,
    /// How much was sent of large answers since the last small one.
    quiet: AtomicUsize,
}

impl Turns {
    pub(super) fn new() -> Self {
        Turns(Arc::new(Inner {
            turn: Arc::new(Semaphore::new(1)),
            quiet: AtomicUsize::new(QUIET),
        }))
    }

    /// Waits for a turn, which lasts until the piece that it is given to is written.
    pub(super) async fn next(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.0.turn).acquire_owned();
        turn.await.expect("nobody closes it")
    }

    /// How large a piece is to be now.
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

    /// A small answer is sent.
    pub(super) fn small(&self) {
        self.0.quiet.store(0, Ordering::Relaxed);
    }
}

/// Bytes of an answer.
pub(super) struct Piece {
    bytes: Bytes,
    /// Given back with the last byte.
    turn: Option<OwnedSemaphorePermit>,
}

impl Piece {
    /// A piece of a large answer, whose turn it is.
    pub(super) fn in_turn(bytes: Bytes, turn: OwnedSemaphorePermit) -> Self {
        Piece {
            bytes,
            turn: Some(turn),
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Piece { bytes, turn: None }
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
        if self.bytes.is_empty() {
            self.turn = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_lasts_until_its_piece_is_written() {
        let turns = Turns::new();
        let turn = Arc::clone(&turns.0.turn);
        let mut piece = Piece::in_turn(
            Bytes::from_static(b"large"),
            Arc::clone(&turn).try_acquire_owned().unwrap(),
        );
        piece.advance(4);
        assert_eq!(turn.available_permits(), 0);
        piece.advance(1);
        assert_eq!(turn.available_permits(), 1);
        // Or until it is thrown away.
        let permit = Arc::clone(&turn).try_acquire_owned().unwrap();
        drop(Piece::in_turn(Bytes::from_static(b"large"), permit));
        assert_eq!(turn.available_permits(), 1);
    }

    #[test]
    fn pieces_are_small_for_a_while_after_a_small_answer() {
        let turns = Turns::new();
        assert_eq!(turns.piece(), FRAME_MAX as usize);
        turns.small();
        for _ in 0..QUIET / PIECE_MIN {
            assert_eq!(turns.piece(), PIECE_MIN);
            turns.large(PIECE_MIN);
        }
        assert_eq!(turns.piece(), FRAME_MAX as usize);
    }
}
