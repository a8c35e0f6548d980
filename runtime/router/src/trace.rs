//! Trace identifiers in the form that OpenTelemetry reads. Spec: router 2.1, H-6.

use squall_platform::Platform;

/// One place in a trace: a W3C `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Names the whole trace. Never zero.
    pub trace: u128,
    /// Names one hop or one execution within it. Never zero.
    pub span: u64,
}

/// All traceparents have this shape. Each message writes and reads one, so this happens in place, without a branch
/// for each digit.
const PATTERN: &[u8; 55] = b"00-00000000000000000000000000000000-0000000000000000-01";
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// What each byte counts as a digit, if it is one.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < DIGITS.len() {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
const NO_DIGIT: u8 = 0x80;

impl TraceContext {
    /// `00-<32 hex>-<16 hex>-01`.
    pub fn traceparent(&self) -> String {
        let mut text = *PATTERN;
        text[3..19].copy_from_slice(&hex_of((self.trace >> 64) as u64));
        text[19..35].copy_from_slice(&hex_of(self.trace as u64));
        text[36..52].copy_from_slice(&hex_of(self.span));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads a `traceparent` of version 00. `None` when it is malformed or an identifier is zero: the W3C
    /// recommendation then asks to start a new trace.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let text = traceparent.as_bytes();
        if text.len() != 55 || !text.starts_with(b"00-") || text[35] != b'-' || text[52] != b'-' {
            return None;
        }
        let high = hex(&text[3..19])?;
        let low = hex(&text[19..35])?;
        let span = hex(&text[36..52])?;
        hex(&text[53..])?;
        let trace = u128::from(high) << 64 | u128::from(low);
        (trace != 0 && span != 0).then_some(TraceContext { trace, span })
    }
}

/// A fresh identifier of a span: zero means "none" in events, so it is never drawn.
pub(crate) fn new_span<P: Platform>(platform: &P) -> u64 {
    platform.random_u64().max(1)
}

/// The first place in a new trace.
pub(crate) fn new<P: Platform>(platform: &P) -> TraceContext {
    TraceContext {
        trace: new_trace(platform),
        span: new_span(platform),
    }
}

/// A fresh identifier of a trace. Events carry its low half, so that half is never zero.
pub(crate) fn new_trace<P: Platform>(platform: &P) -> u128 {
    let high = platform.random_u64();
    u128::from(high) << 64 | u128::from(platform.random_u64().max(1))
}

/// A number of lower-case hexadecimal digits, at most 16 of them.
fn hex(digits: &[u8]) -> Option<u64> {
    let (number, all) = digits.iter().fold((0, 0), |(number, all), digit| {
        let value = VALUES[usize::from(*digit)];
        (number << 4 | u64::from(value & 0xf), all | value)
    });
    (all & NO_DIGIT == 0).then_some(number)
}

fn hex_of(number: u64) -> [u8; 16] {
    std::array::from_fn(|place| DIGITS[(number >> (60 - 4 * place)) as usize & 0xf])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_reads_back() {
        let context = TraceContext {
            trace: 0x0af7651916cd43dd8448eb211c80319c,
            span: 0x00f067aa0ba902b7,
        };
        let text = context.traceparent();
        assert_eq!(text, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
        assert_eq!(TraceContext::parse(&text), Some(context));
    }

    #[test]
    fn malformed_traceparents_are_no_context() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7",
            "01-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01",
            "00-+af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
