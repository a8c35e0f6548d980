//! Finds characters that JSON strings cannot contain directly, eight bytes at a time.

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// The position of the first quote, backslash or control character.
pub(super) fn first_special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The highest bit of a byte is set if the subtraction borrows, and possibly in higher bytes: the lowest one
        // counts.
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let found =
            (controls | zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))) & HIGHS;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let position = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
    position.map(|position| words.len() * 8 + position)
}

/// The highest bit of each byte that is zero, and other bits.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_found_at_each_position_or_not_at_all() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let is_special = matches!(byte, b'"' | b'\\' | ..0x20);
                    assert_eq!(first_special(&bytes), is_special.then_some(at), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn of_several_the_first_is_found() {
        for (text, expected) in [
            ("abc\n\"\\defghijk", 3),
            ("\u{e9}\u{ff}\u{1F600}\"\n", 8),
            ("!#[] ~\u{7f}\"", 7),
            ("          \"", 10),
        ] {
            assert_eq!(first_special(text.as_bytes()), Some(expected), "{text:?}");
        }
    }
}
