//! Delays of restarts.

use std::time::Duration;

/// The longest delay: what fits into 64 bits with a sign, in nanoseconds. 292 years.
pub const DELAY_MAX: Duration = Duration::from_nanos(i64::MAX as u64);

/// Delays that grow with each restart: `initial * factor^n`, with n = 0 at the first. Spec: cluster 3.7.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The shortest delay. A factor below 1 does not make it shorter.
    pub initial: Duration,
    /// The longest delay, also where `initial` is longer. `None`: [`DELAY_MAX`].
    pub max: Option<Duration>,
    /// The factor from one delay to the next. One that is not a number counts as 1.
    pub factor: f64,
}

impl Default for Backoff {
    /// From one second, doubling, to a minute.
    fn default() -> Self {
        Backoff {
            initial: Duration::from_secs(1),
            max: Some(Duration::from_secs(60)),
            factor: 2.0,
        }
    }
}

impl Backoff {
    /// The delay of a restart after `spent` others.
    pub fn delay(&self, spent: u32) -> Duration {
        let max = self.max.unwrap_or(DELAY_MAX).min(DELAY_MAX);
        let initial = self.initial.min(DELAY_MAX);
        let start = initial.as_nanos() as f64;
        let grown = start * power(self.factor, spent);
        // A product that is not a number does not compare: 0 times infinity is 0 here.
        let delay = match grown > start {
            // The conversion saturates.
            true => Duration::from_nanos(grown as u64),
            false => initial,
        };
        delay.min(max)
    }
}

/// By multiplications alone, so that it is the same on all machines. `f64::powi` need not be.
fn power(mut base: f64, mut exponent: u32) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result *= base;
        }
        base *= base;
        exponent /= 2;
    }
    result
}

/// Shortens delays at random, so that actors that failed together do not return together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jitter {
    /// The largest part of a delay that is taken off.
    pub(super) percent: u8,
}

impl Jitter {
    pub(super) fn apply(self, delay: Duration, random: u64) -> Duration {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let most = u128::from(nanos) * u128::from(self.percent.min(100)) / 100;
        let off = most * u128::from(random) / u128::from(u64::MAX);
        Duration::from_nanos(nanos - u64::try_from(off).unwrap_or(nanos))
    }
}

/// SplitMix64: numbers of a seed.
pub(super) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut it = *state;
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_power_is_that_of_repeated_multiplication() {
        assert_eq!(power(2.0, 63), 2f64.powi(63));
        assert_eq!((power(3.0, 0), power(1.5, 3)), (1.0, 3.375));
        assert_eq!(power(2.0, u32::MAX), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn a_delay_is_within_its_bounds_whatever_the_numbers(
            initial in any::<u64>(), max in any::<Option<u64>>(), factor in any::<f64>(), spent in any::<u32>(),
        ) {
            let max = max.map(Duration::from_nanos);
            let backoff = Backoff { initial: Duration::from_nanos(initial), max, factor };
            let delay = backoff.delay(spent);
            let top = max.unwrap_or(DELAY_MAX).min(DELAY_MAX);
            prop_assert!(delay <= top);
            prop_assert!(delay >= Duration::from_nanos(initial).min(top));
        }

        #[test]
        fn jitter_only_shortens_and_by_no_more_than_its_part(delay in any::<u64>(), percent in 0u8..=100, random: u64) {
            let delay = Duration::from_nanos(delay);
            let shortened = Jitter { percent }.apply(delay, random);
            prop_assert!(shortened <= delay);
            prop_assert!(shortened.as_nanos() >= delay.as_nanos() * u128::from(100 - percent) / 100);
        }
    }
}
