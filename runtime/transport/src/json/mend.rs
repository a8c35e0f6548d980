//! Text that Go accepts and mends: bytes that are no UTF-8, and halves of surrogate pairs.

/// U+FFFD, which takes the place of what is no character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
const ESCAPED_REPLACEMENT: &[u8] = br"\ufffd";

/// The text with each mistake replaced by U+FFFD; `None` when there is none. Outside of strings U+FFFD is as much of a
/// mistake as what it replaces.
pub(super) fn mended(text: &[u8]) -> Option<Vec<u8>> {
    let utf8 = utf8(text);
    let escapes = escapes(utf8.as_deref().unwrap_or(text));
    escapes.or(utf8)
}

/// As Go, it replaces each byte on its own.
fn utf8(text: &[u8]) -> Option<Vec<u8>> {
    if std::str::from_utf8(text).is_ok() {
        return None;
    }
    let mut mended = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        mended.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            mended.extend_from_slice(REPLACEMENT);
        }
    }
    Some(mended)
}

fn escapes(text: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::new();
    // What is before this is in `mended`.
    let mut taken = 0;
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        at += match (unit(text, at), unit(text, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.extend_from_slice(&text[taken..at]);
                mended.extend_from_slice(ESCAPED_REPLACEMENT);
                taken = at + 6;
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        if at >= text.len() {
            break;
        }
    }
    if taken == 0 {
        return None;
    }
    mended.extend_from_slice(&text[taken..]);
    Some(mended)
}

/// The UTF-16 code unit of the escape that begins there.
fn unit(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8]) -> String {
        mended(text).map_or_else(|| "as it is".to_owned(), |it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn each_byte_that_is_no_utf8_is_replaced() {
        assert_eq!(shown(b"\"a\xff\xc3\""), "\"a\u{fffd}\u{fffd}\"");
        assert_eq!(shown(b"\"\xe2\x82\""), "\"\u{fffd}\u{fffd}\"");
        assert_eq!(shown("\"é\"".as_bytes()), "as it is");
    }

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_are_not() {
        assert_eq!(shown(br#""\ud83d\ude00""#), "as it is");
        assert_eq!(shown(br#""\ud83d""#), r#""\ufffd""#);
        assert_eq!(shown(br#""\ude00\ud83d!""#), r#""\ufffd\ufffd!""#);
        assert_eq!(shown(br#""\ud83d\u0041""#), r#""\ufffd\u0041""#);
        assert_eq!(shown(br#""\\ud83d""#), "as it is", "an escaped backslash");
        assert_eq!(shown(br#""\ud8"#), "as it is");
        assert_eq!(shown(br"\"), "as it is");
        assert_eq!(shown(b"\"\xff\\ud83d\""), "\"\u{fffd}\\ufffd\"");
    }
}
