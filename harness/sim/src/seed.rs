//! Named random streams, each derived from the run's seed and its own name.
//!
//! Streams are independent: an additional draw from one does not affect the others, so a fault can be removed
//! from a scenario without changing the workload. The generator (ChaCha8) is the same on every
//! machine, and no decision depends on a float.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One random stream.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream `name` of the run with this `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        Stream(ChaCha8Rng::seed_from_u64(xxh3_64_with_seed(
            name.as_bytes(),
            seed,
        )))
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// True with the probability `chance`. Draws nothing if the result is certain.
    #[inline]
    pub fn happens(&mut self, chance: Chance) -> bool {
        match chance.numerator {
            0 => false,
            n if n >= chance.denominator => true,
            n => self.below(u64::from(chance.denominator)) < u64::from(n),
        }
    }

    /// A number below `end`, which is not zero. The bias is below one in 2^32 for every `end` in use.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }
}

/// A probability as a ratio of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    /// The numerator.
    pub numerator: u32,
    /// The denominator.
    pub denominator: u32,
}

impl Chance {
    /// Probability zero.
    pub const NEVER: Chance = Chance {
        numerator: 0,
        denominator: 1,
    };

    /// The probability `numerator` / `denominator`.
    ///
    /// # Panics
    /// If `denominator` is zero.
    pub const fn new(numerator: u32, denominator: u32) -> Self {
        assert!(denominator > 0, "a chance needs a denominator");
        Chance {
            numerator,
            denominator,
        }
    }

    pub(crate) fn is_certain(self) -> bool {
        self.numerator >= self.denominator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_are_independent_and_repeatable() {
        let draw = |seed, name| Stream::new(seed, name).bits();
        assert_eq!(draw(7, "network"), draw(7, "network"));
        assert_ne!(draw(7, "network"), draw(7, "faults"));
        assert_ne!(draw(7, "network"), draw(8, "network"));
    }

    #[test]
    fn a_chance_of_one_in_eight_happens_about_one_in_eight_times() {
        let mut stream = Stream::new(1, "test");
        let hits = (0..80_000).filter(|_| stream.happens(Chance::new(1, 8))).count();
        assert!((9_500..10_500).contains(&hits), "{hits}");
    }

    #[test]
    fn certainties_draw_nothing() {
        let (mut drawn, mut fresh) = (Stream::new(1, "test"), Stream::new(1, "test"));
        assert!(!drawn.happens(Chance::NEVER));
        assert!(drawn.happens(Chance::new(3, 3)));
        assert_eq!(drawn.bits(), fresh.bits());
    }
}
