//! Random draws: the seed decides on all ranges that a file leaves open.
//!
//! Every range has its own stream, derived by hashing the seed and the range's path. Adding or removing a fault
//! changes no other draw, as shrinking a failure requires. Only integers are used, so a seed means the same on
//! every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::units::Unit;

/// A fixed value, or a range to draw from. Both ends are included; `min` is not above `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranged<T> {
    /// The smallest value.
    pub min: T,
    pub(crate) max: T,
}

impl<T: Copy> Ranged<T> {
    /// A fixed value.
    pub fn exactly(value: T) -> Self {
        Self {
            min: value,
            max: value,
        }
    }
}

/// The draws of one plan, and their record.
pub(crate) struct Draws {
    seed: u64,
    drawn: Vec<(String, String)>,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: Vec::new(),
        }
    }

    /// Draws from `range`. `path` identifies the range in the scenario: it names the random stream and the line in the
    /// report.
    pub(crate) fn draw<T: Unit>(&mut self, path: &str, range: Ranged<T>) -> T {
        if range.min == range.max {
            return range.min;
        }
        let value = T::between(range.min, range.max, &mut Dice::new(self.seed, path));
        self.drawn.push((path.to_owned(), value.say()));
        value
    }

    /// (path, value) of every drawn range, in order.
    pub(crate) fn into_drawn(self) -> Vec<(String, String)> {
        self.drawn
    }
}

/// One stream of random numbers.
pub struct Dice(ChaCha8Rng);

impl Dice {
    fn new(seed: u64, path: &str) -> Self {
        // The ChaCha key is filled from a hash, not by `seed_from_u64`: that algorithm is up to rand, and seeds must
        // keep their meaning across its versions.
        let mut key = [0; 32];
        for (half, bytes) in key.chunks_exact_mut(16).enumerate() {
            let name = format!("plan\0{path}\0{half}");
            bytes.copy_from_slice(&xxh3_128_with_seed(name.as_bytes(), seed).to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// An integer of `min..=max`. The bias of the multiplication is below 2^-64 per value.
    pub(crate) fn integer(&mut self, min: u64, max: u64) -> u64 {
        let values = u128::from(max - min) + 1;
        let offset = (u128::from(self.0.next_u64()) * values) >> 64;
        min + u64::try_from(offset).expect("a product of two numbers below 2^64 and 2^64 + 1, shifted by 64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_reach_both_ends_and_never_leave_them() {
        let mut dice = Dice::new(1, "x");
        let rolls: Vec<u64> = (0..1000).map(|_| dice.integer(1, 6)).collect();
        assert_eq!((rolls.iter().min(), rolls.iter().max()), (Some(&1), Some(&6)));
        assert!(
            (0..100)
                .map(|_| dice.integer(0, u64::MAX))
                .any(|roll| roll > u64::MAX / 2)
        );
        assert_eq!(dice.integer(7, 7), 7);
    }

    #[test]
    fn a_stream_is_the_same_on_every_machine_and_in_every_release() {
        let mut dice = Dice::new(7, "fault split: at");
        let rolls = [dice.integer(0, 999), dice.integer(0, 999), dice.integer(0, 999)];
        assert_eq!(rolls, [106, 900, 175]);
    }

    #[test]
    fn a_value_that_is_not_a_range_is_not_recorded_as_drawn() {
        let mut draws = Draws::new(1);
        assert_eq!(draws.draw("x", Ranged::exactly(5_u64)), 5);
        let y = draws.draw(
            "y",
            Ranged {
                min: 1_u64,
                max: 1000,
            },
        );
        assert_eq!(draws.into_drawn(), [("y".to_owned(), y.to_string())]);
    }
}
