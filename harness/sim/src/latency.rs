//! Latency distributions, sampled from integer quantile tables.
//!
//! Floats are used only to build a table, once per distribution (with `libm`, so that every machine gets the same table);
//! sampling uses integers.

use std::sync::Arc;
use std::time::Duration;

use crate::seed::Stream;

/// Steps in a table; a power of two.
const STEPS: usize = 1024;
/// Bits of a draw that choose the step; the next 32 interpolate within it.
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// The one-way delay of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Constant(u64),
    /// Nanoseconds at `STEPS + 1` evenly spaced probabilities, ascending.
    Table(Arc<[u64]>),
}

impl Latency {
    /// A fixed delay.
    pub fn constant(latency: Duration) -> Self {
        Latency(Kind::Constant(nanos(latency)))
    }

    /// Uniform from `min` to `max`.
    pub fn uniform(min: Duration, max: Duration) -> Self {
        let (min, max) = (nanos(min), nanos(max.max(min)));
        let step = |i: usize| min + ((u128::from(max - min) * i as u128) / STEPS as u128) as u64;
        Latency(Kind::Table((0..=STEPS).map(step).collect()))
    }

    /// Log-normal: half of all samples are at most `median`, 99 of 100 at most `p99`. Truncated at the quantiles 1/4096
    /// and 4095/4096, to exclude absurd samples.
    pub fn log_normal(median: Duration, p99: Duration) -> Self {
        const Z_99: f64 = 2.326_347_874_040_841;
        let mu = libm::log(nanos(median).max(1) as f64);
        let sigma = ((libm::log(nanos(p99).max(1) as f64) - mu) / Z_99).max(0.0);
        let edge = 1.0 / 4096.0;
        let at = |i: usize| {
            let probability = (i as f64 / STEPS as f64).clamp(edge, 1.0 - edge);
            libm::round(libm::exp(mu + sigma * normal_quantile(probability))) as u64
        };
        Latency(Kind::Table((0..=STEPS).map(at).collect()))
    }

    /// One sample, in nanoseconds. A constant draws nothing.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> u64 {
        match &self.0 {
            Kind::Constant(nanos) => *nanos,
            Kind::Table(table) => {
                let bits = stream.bits();
                let step = (bits >> (64 - STEP_BITS)) as usize;
                let within = (bits >> (32 - STEP_BITS)) & 0xFFFF_FFFF;
                let (low, high) = (table[step], table[step + 1]);
                low + ((u128::from(high - low) * u128::from(within)) >> 32) as u64
            }
        }
    }

    /// The maximum sample, in nanoseconds.
    pub fn longest(&self) -> u64 {
        match &self.0 {
            Kind::Constant(nanos) => *nanos,
            Kind::Table(table) => table[STEPS],
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// The standard normal distribution's quantile function, by Acklam's rational approximation
/// (relative error below 1.2e-9).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const LOW: f64 = 0.024_25;
    let poly = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    if p < LOW {
        let q = libm::sqrt(-2.0 * libm::log(p));
        poly(&C, q) / (poly(&D, q) * q + 1.0)
    } else if p > 1.0 - LOW {
        -normal_quantile(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        poly(&A, r) * q / (poly(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(latency: &Latency, percent: usize) -> Duration {
        let mut stream = Stream::new(3, "test");
        let mut samples: Vec<u64> = (0..100_000).map(|_| latency.sample(&mut stream)).collect();
        samples.sort_unstable();
        Duration::from_nanos(samples[samples.len() * percent / 100])
    }

    fn close(measured: Duration, wanted: Duration) -> bool {
        measured.abs_diff(wanted) < wanted / 20
    }

    #[test]
    fn a_log_normal_has_the_quantiles_that_it_was_built_from() {
        let latency = Latency::log_normal(Duration::from_millis(15), Duration::from_millis(45));
        assert!(
            close(quantile(&latency, 50), Duration::from_millis(15)),
            "{:?}",
            quantile(&latency, 50)
        );
        assert!(
            close(quantile(&latency, 99), Duration::from_millis(45)),
            "{:?}",
            quantile(&latency, 99)
        );
        assert!(quantile(&latency, 90) > quantile(&latency, 50));
    }

    #[test]
    fn a_uniform_is_evenly_spread_and_stays_within_its_ends() {
        let latency = Latency::uniform(Duration::from_millis(10), Duration::from_millis(20));
        for (percent, millis) in [(10, 11), (50, 15), (90, 19)] {
            assert!(close(quantile(&latency, percent), Duration::from_millis(millis)));
        }
        assert!(quantile(&latency, 0) >= Duration::from_millis(10));
        assert!(latency.longest() <= 20_000_000);
    }

    #[test]
    fn a_constant_draws_nothing() {
        let (mut drawn, mut fresh) = (Stream::new(1, "test"), Stream::new(1, "test"));
        assert_eq!(
            Latency::constant(Duration::from_micros(200)).sample(&mut drawn),
            200_000
        );
        assert_eq!(drawn.bits(), fresh.bits());
    }
}
