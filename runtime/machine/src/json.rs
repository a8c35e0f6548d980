//! JSON as Go's `encoding/json` writes it, byte for byte: peers compare snapshots by their bytes.
//!
//! It differs from serde_json's in texts (`<`, `>`, `&`, U+2028 and U+2029 are escaped) and in floating-point numbers
//! (`1` for 1.0, `1e+21`).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

/// Writes `value`.
///
/// # Errors
/// When it has no JSON, such as a map with keys that are no texts.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes,
        GoFormatter,
    ))?;
    Ok(bytes)
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            if let Some(special) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        // The shortest text of a 32-bit number, which that of the same 64-bit number is not.
        match value.to_string().parse() {
            Ok(value) => self.write_f64(writer, value),
            Err(_) => CompactFormatter.write_f32(writer, value),
        }
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            let text = format!("{value:e}");
            // Go has a sign at every exponent.
            let text = match text.split_once('e') {
                Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
                _ => text,
            };
            return writer.write_all(text.as_bytes());
        }
        write!(writer, "{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl Serialize) -> String {
        String::from_utf8(to_vec(&value).unwrap()).unwrap()
    }

    #[test]
    fn texts_are_escaped_as_go_escapes_them() {
        assert_eq!(
            text("<a & b>\u{2028}\u{2029}é\"\n"),
            r#""\u003ca \u0026 b\u003e\u2028\u2029é\"\n""#
        );
        assert_eq!(text("plain"), r#""plain""#);
    }

    #[test]
    fn numbers_are_those_of_go() {
        let numbers = [1.0, -0.5, 1e20, 1e21, 2.5e-7, 1e-6, 0.0];
        assert_eq!(
            text(numbers),
            "[1,-0.5,100000000000000000000,1e+21,2.5e-7,0.000001,0]"
        );
        assert_eq!(
            text((0.1_f32, u64::MAX, i64::MIN)),
            "[0.1,18446744073709551615,-9223372036854775808]"
        );
    }
}
