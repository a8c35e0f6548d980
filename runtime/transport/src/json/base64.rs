//! Byte strings: base64 of the standard alphabet, with padding.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Serializer;

/// Go does not look at the bits after the last byte.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Writes bytes as a string.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn write<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&GO.encode(bytes))
}

/// Reads the content of a string. Line breaks in it are ignored.
///
/// # Errors
/// A description, when it is not base64, or has no padding.
pub(super) fn read(text: &str) -> Result<Bytes, String> {
    let is_break = |c| matches!(c, '\r' | '\n');
    let decoded = if text.contains(is_break) {
        GO.decode(text.replace(is_break, ""))
    } else {
        GO.decode(text)
    };
    decoded
        .map(Bytes::from)
        .map_err(|error| format!("illegal base64 data: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> String {
        write(&Bytes::copy_from_slice(bytes), serde_json::value::Serializer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn events_look_as_those_of_go() {
        for (bytes, text) in [
            (&b"\"ping\""[..], "InBpbmci"),
            (b"null", "bnVsbA=="),
            (b"{}", "e30="),
            (b"", ""),
        ] {
            assert_eq!(written(bytes), text);
            assert_eq!(read(text).unwrap(), bytes);
        }
    }

    #[test]
    fn line_breaks_and_loose_ends_are_read_and_other_dialects_are_not() {
        assert_eq!(read("InBp\r\nbmci\n").unwrap(), "\"ping\"");
        assert_eq!(
            read("e3\n1\r=").unwrap(),
            "{}",
            "the bits after the last byte do not matter"
        );
        for text in ["e30", "e30==", "e3_=", "e3-=", "e30= ", "=", "e30=e30=", "é"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(read(&written(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn nothing_that_is_read_panics(text: String) {
            drop(read(&text));
        }
    }
}
