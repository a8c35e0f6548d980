//! Numbers as text: exact, of any size.

/// Why a number is not a 64-bit integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAnInteger {
    /// It has a fraction.
    Fraction,
    /// It is beyond 64 bits.
    Range,
}

/// The length of the JSON number at the start of `bytes`, if there is one.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match (bytes.get(at), digits(at)) {
        (_, 0) => return None,
        // JSON has no leading zeros.
        (Some(b'0'), _) => 1,
        (_, count) => count,
    };
    if bytes.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return None,
            count => at += 1 + count,
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        match digits(at) {
            0 => return None,
            count => at += count,
        }
    }
    Some(at)
}

/// True for exactly one JSON number.
pub(super) fn is_number(text: &str) -> bool {
    length(text.as_bytes()) == Some(text.len())
}

/// The integer value of a JSON number, also when it is written as `10.0` or `1e3`.
pub(super) fn integer(number: &str) -> Result<i64, NotAnInteger> {
    match number.parse() {
        Ok(integer) => Ok(integer),
        Err(_) => from_decimal(number),
    }
}

/// The same from its digits: doubles are exact up to 2^53 only.
fn from_decimal(number: &str) -> Result<i64, NotAnInteger> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (mantissa, is_negative) = match mantissa.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (mantissa, false),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let shift = exponent_of(exponent)
        .saturating_sub_unsigned(fraction.len() as u64)
        .saturating_add_unsigned(zeros as u64);
    let Ok(shift) = usize::try_from(shift) else {
        return Err(NotAnInteger::Fraction);
    };
    // 64 bits have at most 19 digits, and 128 bits have more.
    if digits.len().saturating_add(shift) > 19 {
        return Err(NotAnInteger::Range);
    }
    let magnitude = digits
        .bytes()
        .chain(std::iter::repeat_n(b'0', shift))
        .fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    i64::try_from(if is_negative { -magnitude } else { magnitude }).map_err(|_| NotAnInteger::Range)
}

/// An exponent; an excessive one is equivalent to the largest.
fn exponent_of(text: &str) -> i64 {
    text.parse()
        .unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_however_they_are_written() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0e5", 0),
            ("0e99999999999999999999", 0),
            ("10.0", 10),
            ("1e3", 1000),
            ("1E+3", 1000),
            ("12.50e1", 125),
            ("1500e-2", 15),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9.223372036854775807e18", i64::MAX),
            ("-9223372036854775808.00", i64::MIN),
        ] {
            assert_eq!(integer(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_integer_says_why() {
        for text in ["1.5", "1e-1", "12.50", "1e-99999999999999999999"] {
            assert_eq!(integer(text), Err(NotAnInteger::Fraction), "{text}");
        }
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "1e19",
            "1e99999999999999999999",
        ] {
            assert_eq!(integer(text), Err(NotAnInteger::Range), "{text}");
        }
    }

    #[test]
    fn a_number_is_what_json_says_it_is() {
        for text in ["0", "-1", "1.5", "1e5", "1.0E10", "0.1e-7"] {
            assert!(is_number(text), "{text}");
        }
        for text in [
            "", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", " 1", "1 ", "NaN", "Infinity",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }
}
