//! On a simulation thread, randomness and clocks come from the run.
//!
//! The C library's `getrandom` and `clock_gettime` are replaced for the whole executable. On a thread
//! that [`enter`]ed they answer from the run's seed and from virtual time; on every other thread they
//! ask the system, as before. That catches what no seam of ours can reach: std's `RandomState`, `rand`,
//! `uuid`, hyper's `date` header, h2's reset-stream expiry.
//!
//! What a run cannot answer for (threads, processes, sockets of the system, its resolver, sleep on its clock) is told to
//! whoever [`watch`]es.
//!
//! Not caught: `rdrand` and other ways around the C library, what threads do that a component starts itself (but for names
//! that are looked up on threads that [`assist`]), `gettimeofday` and `time` (no crate in our tree calls them).

mod escapes;
mod overrides;

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::marker::PhantomData;
use std::time::{Duration, Instant, SystemTime};
use std::{error, fmt};

pub use escapes::{Escape, assist, watch};

/// Seconds from the Unix epoch to the wall clock's start in every run: 2026-01-01 00:00 UTC.
pub const EPOCH_SECONDS: u64 = 1_767_225_600;

/// What the monotonic clock shows at the start of every run. Not zero: libraries subtract from it.
const MONOTONIC_START_SECONDS: u64 = 1_000_000;

/// What a simulation thread's overrides answer from. Plain `Cell`s without destructors: they may be
/// read at any moment of a thread's life.
struct Context {
    active: Cell<bool>,
    entropy: Cell<u64>,
    draws: Cell<u64>,
    now_nanos: Cell<u64>,
    skew_nanos: Cell<i64>,
}

thread_local! {
    static CONTEXT: Context = const {
        Context {
            active: Cell::new(false),
            entropy: Cell::new(0),
            draws: Cell::new(0),
            now_nanos: Cell::new(0),
            skew_nanos: Cell::new(0),
        }
    };
}

/// While it lives, this thread is a simulation thread. It cannot leave the thread.
#[derive(Debug)]
pub struct Entered {
    not_send: PhantomData<*const ()>,
}

/// Makes this thread a simulation thread: its randomness derives from `seed`, its clocks stand still
/// until [`set_now`] moves them. Call it on a fresh thread: std keeps its hash keys per thread.
///
/// # Errors
/// When one of the overrides is not in effect in this executable. A run must not start then.
pub fn enter(seed: u64) -> Result<Entered, NotHermetic> {
    CONTEXT.with(|context| {
        context.entropy.set(seed);
        context.draws.set(0);
        context.now_nanos.set(0);
        context.skew_nanos.set(0);
        context.active.set(true);
    });
    let entered = Entered {
        not_send: PhantomData,
    };
    self_test()?;
    Ok(entered)
}

impl Drop for Entered {
    fn drop(&mut self) {
        CONTEXT.with(|context| context.active.set(false));
        watch(None);
    }
}

/// Moves this simulation thread's clocks to `nanos` after the start of the run.
#[inline]
pub fn set_now(nanos: u64) {
    CONTEXT.with(|context| context.now_nanos.set(nanos));
}

/// Sets how far this thread's wall clock is off, from now on. The monotonic clock is not affected.
pub fn set_skew(nanos: i64) {
    CONTEXT.with(|context| context.skew_nanos.set(nanos));
}

/// An override is not in effect: the executable reaches the system some other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHermetic {
    /// `clock_gettime` still answers from the system.
    Clock,
    /// `getrandom` still answers from the system.
    Randomness,
    /// This thread made a hash map before it became a simulation thread.
    UsedThread,
}

impl fmt::Display for NotHermetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotHermetic::Clock => {
                "the clock of the simulation thread is the system's: clock_gettime is not overridden in this executable"
            }
            NotHermetic::Randomness => {
                "the randomness of the simulation thread is the system's: getrandom is not overridden in this executable"
            }
            NotHermetic::UsedThread => {
                "a run needs a fresh thread: std's hash seeds were already drawn on this one"
            }
        })
    }
}

impl error::Error for NotHermetic {}

/// Proves that both overrides are live, by going the way that libraries go.
fn self_test() -> Result<(), NotHermetic> {
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH_SECONDS);
    let before = Instant::now();
    set_now(1_000_000_000);
    let moved = before.elapsed();
    let wall = SystemTime::now();
    set_now(0);
    if SystemTime::now() != expected || moved != Duration::from_secs(1) || wall != expected + moved {
        return Err(NotHermetic::Clock);
    }
    // getrandom, as libraries that look it up at run time find it.
    if !overrides::getrandom_is_ours() {
        return Err(NotHermetic::Randomness);
    }
    let draws = CONTEXT.with(|context| context.draws.get());
    let _keys = RandomState::new();
    if CONTEXT.with(|context| context.draws.get()) == draws {
        return Err(NotHermetic::UsedThread);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;
    use std::thread;

    use super::*;

    fn hash_under(seed: u64) -> u64 {
        thread::spawn(move || {
            let _entered = enter(seed).expect("the overrides are linked in");
            RandomState::new().hash_one("squall")
        })
        .join()
        .expect("no panic")
    }

    #[test]
    fn hash_seeds_derive_from_the_seed_and_nothing_else() {
        assert_eq!(hash_under(7), hash_under(7));
        assert_ne!(hash_under(7), hash_under(8));
    }

    #[test]
    fn clocks_stand_still_until_they_are_moved() {
        thread::spawn(|| {
            let _entered = enter(1).expect("the overrides are linked in");
            let (wall, monotonic) = (SystemTime::now(), Instant::now());
            assert_eq!(SystemTime::now(), wall);
            set_now(1_500);
            assert_eq!(SystemTime::now(), wall + Duration::from_nanos(1_500));
            assert_eq!(monotonic.elapsed(), Duration::from_nanos(1_500));
            set_skew(-500);
            assert_eq!(SystemTime::now(), wall + Duration::from_nanos(1_000));
            assert_eq!(monotonic.elapsed(), Duration::from_nanos(1_500));
        })
        .join()
        .expect("no panic");
    }

    #[test]
    fn other_threads_keep_the_systems_clock_and_randomness() {
        thread::spawn(|| {
            let _entered = enter(1).expect("the overrides are linked in");
            let elsewhere = thread::spawn(|| (SystemTime::now(), RandomState::new().hash_one("squall")));
            let (wall, hash) = elsewhere.join().expect("no panic");
            assert!(
                wall > SystemTime::now(),
                "the system's clock is past the runs' epoch"
            );
            assert_ne!(hash, hash_under(1));
        })
        .join()
        .expect("no panic");
    }

    #[test]
    fn a_thread_that_has_drawn_its_hash_seeds_is_refused() {
        thread::spawn(|| {
            let _keys = RandomState::new();
            assert_eq!(enter(1).expect_err("not a fresh thread"), NotHermetic::UsedThread);
        })
        .join()
        .expect("no panic");
    }
}
