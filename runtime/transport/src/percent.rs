//! Texts in headers: percent-encoded, as gRPC does it for `grpc-message`.
//!
//! tonic encodes more characters than gRPC requires; here the bytes are those of grpc-go.

use http::HeaderValue;

/// Encodes what is not printable ASCII, and `%`.
pub(crate) fn encode(text: &str) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..0x20 | 0x7f.. => encoded.extend([
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]),
            byte => encoded.push(byte),
        }
    }
    HeaderValue::from_bytes(&encoded).expect("printable ASCII makes a header")
}

/// Decodes it. What is not encoded properly stays as it is; what is no UTF-8 is replaced.
pub(crate) fn decode(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match octet(bytes, at) {
            Some(octet) => {
                decoded.push(octet);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn octet(bytes: &[u8], at: usize) -> Option<u8> {
    let digits = bytes.get(at..at + 3)?.strip_prefix(b"%")?;
    let digit = |at: usize| char::from(digits[at]).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// At most this many bytes of a text, cut between characters: headers have a limit.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_look_as_those_of_grpc_go() {
        for (text, encoded) in [
            ("decode \"w-2\": {[<#?>]}", "decode \"w-2\": {[<#?>]}"),
            ("é", "%C3%A9"),
            ("100%", "100%25"),
            ("a\nb\x7f", "a%0Ab%7F"),
            ("", ""),
        ] {
            assert_eq!(encode(text), encoded);
            assert_eq!(decode(&encode(text)), text);
        }
        for (value, text) in [("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%ff", "\u{fffd}")] {
            assert_eq!(decode(&HeaderValue::from_static(value)), text);
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 9), "aé");
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_decoded(text: String) {
            prop_assert_eq!(decode(&encode(&text)), text);
        }
    }
}
