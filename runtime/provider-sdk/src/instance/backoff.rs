//! The wait before an attempt to reconnect. Spec: provider 3.4.

use std::time::Duration;

use squall_platform::Platform;

use crate::Config;

/// The wait before attempt `number`, counted from 1: a random share, between half and all, of `min(first *
/// 2^(number-1), max)`.
pub(super) fn delay<P: Platform>(config: &Config, number: u32, platform: &P) -> Duration {
    let most = longest(config, number);
    let half = u64::try_from((most / 2).as_nanos()).unwrap_or(u64::MAX);
    most - Duration::from_nanos(platform.random_u64() % half.saturating_add(1))
}

fn longest(config: &Config, number: u32) -> Duration {
    let factor = 1_u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX);
    config
        .reconnect_first
        .saturating_mul(factor)
        .min(config.reconnect_max)
}

#[cfg(test)]
mod tests {
    use squall_platform::TokioPlatform;

    use super::*;

    #[test]
    fn ten_attempts_with_the_defaults_wait_303_seconds_at_most() {
        let config = Config::default();
        let waits: Vec<_> = (1..=10)
            .map(|number| longest(&config, number).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(waits.iter().sum::<u64>(), 303);
        assert_eq!(longest(&config, u32::MAX).as_secs(), 60);
    }

    #[test]
    fn an_attempt_waits_between_half_and_all_of_its_delay() {
        let config = Config::default();
        let platform = TokioPlatform::loopback();
        for number in (1..=10).cycle().take(1000) {
            let (waits, most) = (delay(&config, number, &platform), longest(&config, number));
            assert!(waits >= most / 2 && waits <= most, "{number}: {waits:?}");
        }
    }
}
