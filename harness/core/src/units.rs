//! Quantities in files: text with units.
//!
//! Each kind of quantity defines its parser, its formatter, its schema, and how the seed draws from a range. None
//! uses floats.

use std::cmp::Ordering;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::draw::Dice;
use crate::plan::{Bandwidth, Ratio};

/// The longest duration in a file: sums of a few of them stay far below the limit of 64-bit nanoseconds.
pub const DURATION_MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// The maximum rate, in calls per second. Virtual time has no other limit.
const RATE_MAX_PER_SECOND: u128 = 1_000_000;

/// The minimum resolution of a range of durations, if its ends allow it.
const DRAW_STEPS_MIN: u64 = 1000;

/// A kind of quantity.
pub trait Unit: Copy + PartialOrd + std::fmt::Debug + 'static {
    /// Its name in a schema.
    const TITLE: &'static str;
    /// Its name in a sentence, with its article.
    const NAME: &'static str;
    /// How it is written, for messages.
    const HELP: &'static str;
    /// A regular expression that every valid text matches, without anchors.
    const PATTERN: &'static str;
    /// Valid texts.
    const EXAMPLES: &'static [&'static str];

    /// The error is a fragment that reads well after "`x` is not a duration: ".
    fn parse(text: &str) -> Result<Self, String>;

    /// A value of `min..=max`.
    fn between(min: Self, max: Self, dice: &mut Dice) -> Self;

    /// The value as text.
    fn say(&self) -> String;
}

impl Unit for Duration {
    const TITLE: &'static str = "Duration";
    const NAME: &'static str = "a duration";
    const HELP: &'static str = r#"durations are written with a unit, as a string: "250ms", "1.5s", "1m 30s""#;
    const PATTERN: &'static str =
        r"\s*(0|[0-9]+(\.[0-9]+)?\s*[A-Za-zµ]+(\s*[0-9]+(\.[0-9]+)?\s*[A-Za-zµ]+)*)\s*";
    const EXAMPLES: &'static [&'static str] = &["250ms", "2s", "1m 30s"];

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits_alone = |c: char| c.is_ascii_digit() || c == '.';
        if text != "0" && !text.is_empty() && text.chars().all(digits_alone) {
            return Err("it has no unit".into());
        }
        let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
        if duration > DURATION_MAX {
            return Err("it is longer than ten years".into());
        }
        Ok(duration)
    }

    fn between(min: Self, max: Self, dice: &mut Dice) -> Self {
        let (min, max) = (nanos(min), nanos(max));
        // Whole milliseconds or microseconds if the ends are: a report says "13.284s", not nine digits more.
        let coarse_enough = |grain: &u64| {
            min.is_multiple_of(*grain) && max.is_multiple_of(*grain) && (max - min) / grain >= DRAW_STEPS_MIN
        };
        let grain = [1_000_000, 1000].into_iter().find(coarse_enough).unwrap_or(1);
        Duration::from_nanos(grain * dice.integer(min / grain, max / grain))
    }

    fn say(&self) -> String {
        match self.is_zero() {
            true => "0s".to_owned(),
            false => format!("{self:?}"),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("`DURATION_MAX` is below 2^64 nanoseconds")
}

impl Unit for u64 {
    const TITLE: &'static str = "Count";
    const NAME: &'static str = "a number";
    const HELP: &'static str = r#"write a whole number, as in 8, or a range of them, as in "1..8""#;
    const PATTERN: &'static str = r"\s*[0-9]+\s*";
    const EXAMPLES: &'static [&'static str] = &[];

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "it is not a whole number".into())
    }

    fn between(min: Self, max: Self, dice: &mut Dice) -> Self {
        dice.integer(min, max)
    }

    fn say(&self) -> String {
        self.to_string()
    }
}

impl Ratio {
    /// In lowest terms. `None` if it is no probability: above one, or with a denominator of zero.
    fn reduced(numerator: u64, denominator: u64) -> Option<Self> {
        if denominator == 0 || numerator > denominator {
            return None;
        }
        let divisor = gcd(numerator.into(), denominator.into());
        let part = |whole: u64| u32::try_from(u128::from(whole) / divisor).ok();
        Some(Self {
            numerator: part(numerator)?,
            denominator: part(denominator)?,
        })
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let left = u64::from(self.numerator) * u64::from(other.denominator);
        let right = u64::from(other.numerator) * u64::from(self.denominator);
        Some(left.cmp(&right))
    }
}

impl Unit for Ratio {
    const TITLE: &'static str = "Ratio";
    const NAME: &'static str = "a probability";
    const HELP: &'static str = r#"probabilities are written as a string: "2%", "0.5%", "1/50", "0""#;
    const PATTERN: &'static str = r"\s*(0|[0-9]+(\.[0-9]{1,6})?\s*%|[0-9]+\s*/\s*[0-9]+)\s*";
    const EXAMPLES: &'static [&'static str] = &["2%", "0.5%", "1/50"];

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (numerator, denominator) = if text == "0" {
            (0, 1)
        } else if let Some(percent) = text.strip_suffix('%') {
            percentage(percent.trim_end())?
        } else if let Some((numerator, denominator)) = text.split_once('/') {
            (integer(numerator.trim())?, integer(denominator.trim())?)
        } else {
            return Err("it is neither a percentage nor a fraction".into());
        };
        if denominator == 0 {
            return Err("it divides by zero".into());
        }
        if numerator > denominator {
            return Err("it is more than 100%".into());
        }
        Self::reduced(numerator, denominator).ok_or_else(|| "it has too many digits".into())
    }

    fn between(min: Self, max: Self, dice: &mut Dice) -> Self {
        let common = lcm(min.denominator.into(), max.denominator.into()).expect("a product of two u32");
        // A thousand steps finer than the unit of the ends, if it fits into 32 bits.
        let fine = [1000, 10, 1]
            .into_iter()
            .find_map(|steps| u32::try_from(common * steps).ok());
        let Some(denominator) = fine.map(u64::from) else {
            return min;
        };
        let scaled = |ratio: Ratio| u64::from(ratio.numerator) * (denominator / u64::from(ratio.denominator));
        let numerator = dice.integer(scaled(min), scaled(max));
        Self::reduced(numerator, denominator)
            .expect("it is not above `max`, and 32 bits hold its denominator")
    }

    fn say(&self) -> String {
        if 1_000_000 % self.denominator != 0 {
            return format!("{}/{}", self.numerator, self.denominator);
        }
        let millionths = u64::from(self.numerator) * u64::from(1_000_000 / self.denominator);
        let decimals = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
        format!("{}%", decimals.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// `0.25` as (25, 10000).
fn percentage(text: &str) -> Result<(u64, u64), String> {
    let (numerator, denominator) = decimal(text)?;
    Ok((numerator, 100 * denominator))
}

/// `0.25` as (25, 100).
fn decimal(text: &str) -> Result<(u64, u64), String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 6 {
        return Err("it has more than six decimals".into());
    }
    if text.ends_with('.') {
        return Err("a digit is missing after the point".into());
    }
    let mut denominator = 1;
    let mut numerator = integer(whole)?;
    for digit in decimals.chars() {
        numerator = numerator * 10 + integer(digit.encode_utf8(&mut [0; 4]))?;
        denominator *= 10;
    }
    Ok((numerator, denominator))
}

/// At most 32 bits, digits alone: `str::parse` takes a sign too.
fn integer(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is not a whole number"));
    }
    text.parse::<u32>()
        .map(u64::from)
        .map_err(|_| format!("`{text}` is too large"))
}

/// A number of calls per period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) calls: u64,
    pub(crate) per: Duration,
}

impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let times = |calls: u64, period: Duration| u128::from(calls) * period.as_nanos();
        Some(times(self.calls, other.per).cmp(&times(other.calls, self.per)))
    }
}

impl Unit for Rate {
    const TITLE: &'static str = "Rate";
    const NAME: &'static str = "a rate";
    const HELP: &'static str = r#"rates are calls per time, as a string: "100/s", "5/min", "1/5s""#;
    const PATTERN: &'static str = r"\s*[0-9]+\s*/\s*([0-9]+(\.[0-9]+)?\s*)?[A-Za-zµ][A-Za-z0-9µ. ]*";
    const EXAMPLES: &'static [&'static str] = &["100/s", "5/min", "1/5s"];

    fn parse(text: &str) -> Result<Self, String> {
        let (calls, period) = text.split_once('/').ok_or("it does not say per what time")?;
        let calls = integer(calls.trim())?;
        let period = period.trim();
        let per = if period.starts_with(|c: char| c.is_ascii_digit()) {
            Duration::parse(period)
        } else {
            Duration::parse(&format!("1{period}"))
        }
        .map_err(|why| format!("`{period}` is not a time: {why}"))?;
        if calls == 0 || per.is_zero() {
            return Err("it is zero, or endless".into());
        }
        if u128::from(calls) * 1_000_000_000 > RATE_MAX_PER_SECOND * per.as_nanos() {
            return Err("it is more than a million calls per second".into());
        }
        Ok(Self { calls, per })
    }

    fn between(min: Self, max: Self, dice: &mut Dice) -> Self {
        // Over a common period both ends are whole numbers of calls. If that period is too long, the ends are rounded
        // inwards.
        let common = lcm(min.per.as_nanos(), max.per.as_nanos())
            .and_then(|period| u64::try_from(period).ok())
            .map_or(DURATION_MAX, Duration::from_nanos)
            .min(DURATION_MAX);
        let calls = |calls: u128| u64::try_from(calls).expect("a million calls per second for ten years");
        let low = calls((u128::from(min.calls) * common.as_nanos()).div_ceil(min.per.as_nanos()));
        let high = calls(u128::from(max.calls) * common.as_nanos() / max.per.as_nanos());
        if low > high {
            return min;
        }
        Self {
            calls: dice.integer(low, high),
            per: common,
        }
    }

    fn say(&self) -> String {
        let per = self.per.say();
        format!(
            "{}/{}",
            self.calls,
            per.strip_prefix('1')
                .filter(|unit| unit.starts_with(char::is_alphabetic))
                .unwrap_or(&per)
        )
    }
}

/// The maximum bandwidth: a terabit per second.
const BANDWIDTH_MAX: u64 = 1_000_000_000_000;

/// Units of bandwidth, with bits per second of each. Bytes are `B`, and bits are spelt out, because `Mb` is ambiguous.
const BANDWIDTH_UNITS: [(&str, u64); 10] = [
    ("bit", 1),
    ("kbit", 1_000),
    ("Mbit", 1_000_000),
    ("Gbit", 1_000_000_000),
    ("B", 8),
    ("kB", 8_000),
    ("MB", 8_000_000),
    ("GB", 8_000_000_000),
    ("KiB", 8 * 1024),
    ("MiB", 8 * 1024 * 1024),
];

impl Unit for Bandwidth {
    const TITLE: &'static str = "Bandwidth";
    const NAME: &'static str = "a bandwidth";
    const HELP: &'static str = r#"bandwidths are bits or bytes per second, as a string: "100 Mbit/s", "56 kbit/s", "10 MB/s", "64 KiB/s""#;
    const PATTERN: &'static str = r"\s*[0-9]+(\.[0-9]{1,6})?\s*([kMG]?bit|[kMG]?B|[KM]iB)/s\s*";
    const EXAMPLES: &'static [&'static str] = &["56 kbit/s", "100 Mbit/s", "10 MB/s"];

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let amount = text.strip_suffix("/s").ok_or("it does not end in `/s`")?;
        let unit_at = amount
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or("it has no unit")?;
        let (number, unit) = amount.split_at(unit_at);
        let unit = unit.trim_start();
        let known = BANDWIDTH_UNITS.iter().find(|(name, _)| *name == unit);
        let (_, bits) = known.ok_or_else(|| {
            let units: Vec<&str> = BANDWIDTH_UNITS.iter().map(|(name, _)| *name).collect();
            format!("`{unit}` is not one of {}", units.join(", "))
        })?;
        let (numerator, denominator) = decimal(number)?;
        let total = u128::from(numerator) * u128::from(*bits);
        if !total.is_multiple_of(denominator.into()) {
            return Err("it is not a whole number of bits".into());
        }
        let bits = u64::try_from(total / u128::from(denominator)).ok();
        let bits = bits.filter(|bits| *bits <= BANDWIDTH_MAX);
        let bits_per_second = NonZeroU64::new(bits.ok_or("it is more than 1000 Gbit/s")?)
            .ok_or("nothing would ever cross: to stop a link is a fault, `hold`")?;
        Ok(Self { bits_per_second })
    }

    fn between(min: Self, max: Self, dice: &mut Dice) -> Self {
        let (min, max) = (min.bits_per_second.get(), max.bits_per_second.get());
        let coarse_enough = |grain: &u64| {
            min.is_multiple_of(*grain) && max.is_multiple_of(*grain) && (max - min) / grain >= DRAW_STEPS_MIN
        };
        let grain = [1_000_000, 1000].into_iter().find(coarse_enough).unwrap_or(1);
        let bits = grain * dice.integer(min / grain, max / grain);
        Self {
            bits_per_second: NonZeroU64::new(bits).expect("it is not below `min`"),
        }
    }

    fn say(&self) -> String {
        let bits = self.bits_per_second.get();
        let fits = |(unit, size): &(&'static str, u64)| bits.is_multiple_of(*size).then_some((*unit, *size));
        let (unit, size) = BANDWIDTH_UNITS[..4]
            .iter()
            .rev()
            .find_map(fits)
            .expect("every number is one of single bits");
        format!("{} {unit}/s", bits / size)
    }
}

fn gcd(mut left: u128, mut right: u128) -> u128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn lcm(left: u128, right: u128) -> Option<u128> {
    (left / gcd(left, right)).checked_mul(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draws, Ranged};

    fn ratio(numerator: u32, denominator: u32) -> Result<Ratio, String> {
        Ok(Ratio {
            numerator,
            denominator,
        })
    }

    #[test]
    fn no_time_is_a_duration_with_any_unit_and_reads_back() {
        for text in ["0ns", "0s", "0ms", "0"] {
            assert_eq!(Duration::parse(text), Ok(Duration::ZERO), "{text}");
        }
        assert_eq!(Duration::ZERO.say(), "0s");
    }

    #[test]
    fn ratios_are_percentages_or_fractions_in_lowest_terms() {
        assert_eq!(Ratio::parse("2%"), ratio(1, 50));
        assert_eq!(Ratio::parse(" 0.25 % "), ratio(1, 400));
        assert_eq!(Ratio::parse("2/100"), ratio(1, 50));
        assert_eq!(Ratio::parse("100%"), ratio(1, 1));
        assert_eq!(Ratio::parse("0"), Ok(Ratio::ZERO));
        for wrong in [
            "",
            "%",
            "2",
            "-1%",
            "+1%",
            "101%",
            "1.%",
            ".5%",
            "3/2",
            "1/0",
            "0.0000001%",
            "1/9999999999",
        ] {
            assert!(Ratio::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_calls_per_unit_or_per_duration() {
        let rate = |text| Rate::parse(text).map(|rate| (rate.calls, rate.per));
        assert_eq!(rate("100/s"), Ok((100, Duration::from_secs(1))));
        assert_eq!(rate("5/min"), Ok((5, Duration::from_secs(60))));
        assert_eq!(rate("1 / 5s"), Ok((1, Duration::from_secs(5))));
        for wrong in ["100", "0/s", "1/0s", "1/", "/s", "2000000/s", "1/parsec", "-1/s"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bandwidths_are_bits_or_bytes_per_second() {
        let bits = |text| Bandwidth::parse(text).map(|bandwidth| bandwidth.bits_per_second.get());
        assert_eq!(bits("100 Mbit/s"), Ok(100_000_000));
        assert_eq!(bits("10 MB/s"), Ok(80_000_000));
        assert_eq!(bits("1 Gbit/s"), Ok(1_000_000_000));
        assert_eq!(bits(" 56kbit/s "), Ok(56_000));
        assert_eq!(bits("64 KiB/s"), Ok(524_288));
        assert_eq!(bits("1.5 Mbit/s"), Ok(1_500_000));
        assert_eq!(bits("0.5 B/s"), Ok(4));
        for wrong in [
            "",
            "/s",
            "100",
            "100 Mbit",
            "100 Mb/s",
            "100 mbit/s",
            "100/s",
            "0 bit/s",
            "0.1 bit/s",
            "-1 bit/s",
            "1.2.3 bit/s",
            "1001 Gbit/s",
            "100 Mbit / s",
        ] {
            assert!(Bandwidth::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_said_parses_back() {
        for text in ["100 Mbit/s", "10 MB/s", "56 kbit/s", "1 B/s", "1 Gbit/s"] {
            let parsed = Bandwidth::parse(text).unwrap();
            assert_eq!(Bandwidth::parse(&parsed.say()), Ok(parsed), "{text}");
        }
        for text in ["2%", "0.5%", "1/3", "33.3333%"] {
            let parsed = Ratio::parse(text).unwrap();
            assert_eq!(Ratio::parse(&parsed.say()), Ok(parsed), "{text}");
        }
        for text in ["100/s", "5/1m", "1/5s", "3/ms"] {
            let parsed = Rate::parse(text).unwrap();
            assert_eq!(Rate::parse(&parsed.say()), Ok(parsed), "{text} {}", parsed.say());
        }
        for text in ["13.284s", "250ms", "1.5us", "90s", "1h 1ns"] {
            let parsed = Duration::parse(text).unwrap();
            assert_eq!(Duration::parse(&parsed.say()), Ok(parsed), "{text}");
        }
    }

    #[test]
    fn durations_are_drawn_in_steps_that_read_well() {
        for seed in 0..50 {
            let mut draws = Draws::new(seed);
            let wide = draws.draw(
                "wide",
                Ranged {
                    min: Duration::from_secs(10),
                    max: Duration::from_secs(20),
                },
            );
            assert!((10..=20).contains(&wide.as_secs()) && wide.subsec_nanos().is_multiple_of(1_000_000));
            let narrow = draws.draw(
                "narrow",
                Ranged {
                    min: Duration::from_millis(1),
                    max: Duration::from_millis(5),
                },
            );
            assert!(narrow.as_nanos().is_multiple_of(1000));
        }
    }

    #[test]
    fn rates_and_ratios_are_drawn_between_their_ends_whatever_they_are_written_in() {
        let rates = Ranged {
            min: Rate::parse("1/7s").unwrap(),
            max: Rate::parse("10/min").unwrap(),
        };
        let ratios = Ranged {
            min: Ratio::parse("1/1000000007").unwrap(),
            max: Ratio::parse("99.999999%").unwrap(),
        };
        for seed in 0..50 {
            let mut draws = Draws::new(seed);
            let rate = draws.draw("rate", rates);
            assert!(rates.min <= rate && rate <= rates.max, "{rate:?}");
            let ratio = draws.draw("ratio", ratios);
            assert!(ratios.min <= ratio && ratio <= ratios.max, "{ratio:?}");
        }
    }
}
