//! Skips unknown members, and members before the tag that gives their meaning.

use super::Reader;
use crate::json::error::DecodeProblem;

/// Skipping a shorter value again is faster than a lookup.
const REMEMBERED_BYTES_MIN: usize = 64;

impl Reader<'_> {
    /// Skips the next value, which must be JSON, at any depth.
    pub(in crate::json) fn skip(&mut self) -> Result<(), DecodeProblem> {
        self.skip_and(|_, _| {})
    }

    /// Skips the next value, to return to it later.
    pub(in crate::json) fn skip_for_now(&mut self) -> Result<(), DecodeProblem> {
        self.peek();
        if let Some(end) = self.ends.get(&self.at) {
            self.at = *end;
            return Ok(());
        }
        let mut ends = std::mem::take(&mut self.ends);
        let skipped = self.skip_and(|start, end| {
            if end - start > REMEMBERED_BYTES_MIN {
                ends.insert(start, end);
            }
        });
        self.ends = ends;
        skipped
    }

    /// Skips a value, and records the start and end of each object and array in it.
    fn skip_and(&mut self, mut ended: impl FnMut(usize, usize)) -> Result<(), DecodeProblem> {
        // The start of each unfinished one, and its closing token. An explicit stack, because the depth is not
        // limited here.
        let mut open: Vec<(usize, u8)> = vec![];
        loop {
            let close = match self.peek() {
                b'{' => Some(b'}'),
                b'[' => Some(b']'),
                _ => None,
            };
            let is_inside = match close {
                Some(close) => {
                    open.push((self.position(), close));
                    self.at += 1;
                    self.has_first(close)
                }
                None => {
                    self.skip_scalar()?;
                    open.is_empty() || self.is_followed(&open)?
                }
            };
            if !is_inside {
                self.close(&mut open, &mut ended)?;
            }
            match open.last() {
                None => return Ok(()),
                Some((_, b'}')) => drop(self.name()?),
                Some(_) => {}
            }
        }
    }

    /// Whether another element follows in the innermost open one.
    fn is_followed(&mut self, open: &[(usize, u8)]) -> Result<bool, DecodeProblem> {
        match open.last() {
            Some((_, close)) => self.has_next(*close),
            None => Ok(false),
        }
    }

    /// After the end of the innermost open one: also ends all that end with it.
    fn close(
        &mut self,
        open: &mut Vec<(usize, u8)>,
        ended: &mut impl FnMut(usize, usize),
    ) -> Result<(), DecodeProblem> {
        while let Some((start, _)) = open.pop() {
            ended(start, self.position());
            if self.is_followed(open)? {
                break;
            }
        }
        Ok(())
    }

    fn skip_scalar(&mut self) -> Result<(), DecodeProblem> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ if self.take_word("true") || self.take_word("false") || self.take_word("null") => Ok(()),
            _ => Err(self.expected("a value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::REMEMBERED_BYTES_MIN;

    #[test]
    fn a_skipped_value_is_skipped_as_a_whole_and_only_if_it_is_json() {
        for text in [
            "1",
            "\"a\\\"\\u00e9\"",
            "null",
            "[]",
            "{}",
            "[[],{},[1,{\"a\":[]}]]",
            "{\"a\":{\"b\":[true,false]},\"c\":{}}",
            " { \"a\" : [ 1 , 2 ] } ",
        ] {
            for skip in [Reader::skip, Reader::skip_for_now] {
                let mut reader = Reader::new(text);
                skip(&mut reader).unwrap();
                assert_eq!(reader.peek(), 0, "{text}");
            }
        }
        for text in [
            "",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "[}",
            "tru",
            "\"a",
            "01x]",
        ] {
            let mut reader = Reader::new(text);
            assert!(reader.skip().is_err() || reader.peek() != 0, "{text}");
        }
    }

    #[test]
    fn what_was_skipped_is_not_skipped_again_byte_by_byte() {
        let long = "x".repeat(REMEMBERED_BYTES_MIN);
        let text = format!("[[1,2],{{\"a\":[\"{long}\"]}}]");
        let mut reader = Reader::new(&text);
        reader.skip_for_now().unwrap();
        let ends: Vec<_> = reader.ends.clone().into_iter().collect();
        assert_eq!(ends, [(0, 82), (7, 81), (12, 80)]);
        reader.go_to(7);
        reader.skip_for_now().unwrap();
        assert_eq!(reader.rest(), "]");
    }
}
