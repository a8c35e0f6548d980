//! Writing.

use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};

/// Writes a value without spaces, with the escapes of Go.
pub(crate) fn write(value: &impl Serialize) -> Bytes {
    let mut text = Vec::with_capacity(128);
    let mut serializer = Serializer::with_formatter(&mut text, Escaping(CompactFormatter));
    value
        .serialize(&mut serializer)
        .expect("records of texts and numbers can be written to memory");
    text.into()
}

/// Escapes what a browser would take for HTML or for the end of a line of JavaScript. serde_json escapes the rest as Go
/// does.
struct Escaping(CompactFormatter);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, found) in text.match_indices(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            self.0.write_string_fragment(writer, &text[written..at])?;
            writer.write_all(escape(found))?;
            written = at + found.len();
        }
        self.0.write_string_fragment(writer, &text[written..])
    }
}

fn escape(found: &str) -> &'static [u8] {
    match found {
        "<" => br"\u003c",
        ">" => br"\u003e",
        "&" => br"\u0026",
        "\u{2028}" => br"\u2028",
        _ => br"\u2029",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_by_go() {
        for (text, json) in [
            ("plain", r#""plain""#),
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
            ("é😀\u{7f}", "\"é😀\u{7f}\""),
            ("\"\\/", r#""\"\\/""#),
            ("\n\r\t\0\x1f", r#""\n\r\t\u0000\u001f""#),
        ] {
            assert_eq!(write(&text), json, "{text:?}");
        }
    }
}
