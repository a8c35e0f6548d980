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

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl TraceContext {
    /// `00-<32 hex>-<16 hex>-01`.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        push_hex(&mut text, (self.trace >> 64) as u64);
        push_hex(&mut text, self.trace as u64);
        text.push('-');
        push_hex(&mut text, self.span);
        text.push_str("-01");
        text
    }

    /// Reads a `traceparent` of version 00. `None` when it is malformed or an identifier is zero: the
    /// W3C recommendation asks to start a new trace then.
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

/// A fresh identifier of a trace. Its low half is what events carry, so that half is never zero.
pub(crate) fn new_trace<P: Platform>(platform: &P) -> u128 {
    let high = platform.random_u64();
    u128::from(high) << 64 | u128::from(platform.random_u64().max(1))
}

/// A number of lower-case hexadecimal digits, at most 16 of them.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

fn push_hex(text: &mut String, number: u64) {
    for shift in (0..16).rev() {
        text.push(char::from(DIGITS[(number >> (shift * 4)) as usize & 0xf]));
    }
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
