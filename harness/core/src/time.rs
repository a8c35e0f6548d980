//! Formats virtual time.
//!
//! Measured values get three significant digits, so that columns are easy to compare. Configured values and
//! instants are never rounded, so that they can be found in a file or a journal.

use std::time::Duration;

const UNITS: [(u64, &str); 4] = [(1, "ns"), (1_000, "us"), (1_000_000, "ms"), (1_000_000_000, "s")];

/// Nanoseconds of a [`Duration`], saturating at 584 years.
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A measured duration in nanoseconds, with three significant digits: `400 us`, `31.2 ms`, `2.00 s`.
#[must_use]
pub fn measured(nanos: u64) -> String {
    if nanos == 0 {
        return "0 s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{nanos} ns");
    }
    for (unit, name) in &UNITS[1..] {
        for (decimals, scale) in [(2, 100), (1, 10), (0, 1)] {
            let scaled = (u128::from(nanos) * scale + u128::from(*unit) / 2) / u128::from(*unit);
            if scaled < 1_000 {
                return fixed(scaled, decimals, name);
            }
        }
    }
    fixed((u128::from(nanos) + 500_000_000) / 1_000_000_000, 0, "s")
}

/// A duration in nanoseconds, in the shortest form without rounding: `2 s`, `50.04 ms`.
#[must_use]
pub fn exact(nanos: u64) -> String {
    let Some((unit, name)) = UNITS.iter().rev().find(|(unit, _)| nanos >= *unit) else {
        return "0 s".to_owned();
    };
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return format!("{whole} {name}");
    }
    let width = unit.ilog10() as usize;
    let decimals = format!("{rest:0width$}");
    format!("{whole}.{} {name}", decimals.trim_end_matches('0'))
}

/// A virtual instant in nanoseconds since the start of the run: `32.014 s`. Milliseconds are always shown, smaller
/// digits only if they are not zero.
#[must_use]
pub fn instant(nanos: u64) -> String {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (millis, below) = (rest / 1_000_000, rest % 1_000_000);
    if below == 0 {
        return format!("{seconds}.{millis:03} s");
    }
    let below = format!("{below:06}");
    format!("{seconds}.{millis:03}{} s", below.trim_end_matches('0'))
}

/// A virtual instant as in a plan: `20 s`, `0.25 s`. Always in seconds, so that windows are easy to compare.
#[must_use]
pub fn mark(nanos: u64) -> String {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 {
        return format!("{seconds} s");
    }
    let rest = format!("{rest:09}");
    format!("{seconds}.{} s", rest.trim_end_matches('0'))
}

fn fixed(scaled: u128, decimals: u32, unit: &str) -> String {
    if decimals == 0 {
        return format!("{scaled} {unit}");
    }
    let scale = 10_u128.pow(decimals);
    let width = decimals as usize;
    format!("{}.{:0width$} {unit}", scaled / scale, scaled % scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_values_have_three_significant_digits() {
        for (nanos, text) in [
            (0, "0 s"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (400_000, "400 us"),
            (999_499, "999 us"),
            (999_500, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (31_249_999, "31.2 ms"),
            (31_250_000, "31.3 ms"),
            (2_000_000_000, "2.00 s"),
            (3_600_000_000_000, "3600 s"),
            (u64::MAX, "18446744074 s"),
        ] {
            assert_eq!(measured(nanos), text, "{nanos} ns");
        }
    }

    #[test]
    fn configured_values_are_not_rounded() {
        for (nanos, text) in [
            (0, "0 s"),
            (7, "7 ns"),
            (400_000, "400 us"),
            (50_040_000, "50.04 ms"),
            (1_500_000_000, "1.5 s"),
            (2_000_000_001, "2.000000001 s"),
            (60_000_000_000, "60 s"),
        ] {
            assert_eq!(exact(nanos), text, "{nanos} ns");
        }
    }

    #[test]
    fn instants_show_milliseconds_and_lose_nothing() {
        assert_eq!(instant(0), "0.000 s");
        assert_eq!(instant(32_014_000_000), "32.014 s");
        assert_eq!(instant(32_014_400_000), "32.0144 s");
        assert_eq!(instant(5_000_001), "0.005000001 s".trim_end_matches('0'));
    }

    #[test]
    fn marks_are_in_seconds() {
        assert_eq!(mark(20_000_000_000), "20 s");
        assert_eq!(mark(250_000_000), "0.25 s");
    }
}
