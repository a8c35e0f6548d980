//! Tokens of JSON.

mod skip;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::DecodeProblem;
use super::number;
use super::scan::first_special;

/// A position in JSON text.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// The ends of skipped objects and arrays that are read later, by their starts. Without it, a value whose tags
    /// all come last would be skipped once for each of its levels.
    ends: BTreeMap<usize, usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader {
            text,
            at: 0,
            ends: BTreeMap::new(),
        }
    }

    /// The position of the next byte.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Returns to an earlier position of this reader.
    pub(super) fn go_to(&mut self, position: usize) {
        self.at = position;
    }

    /// The unread text.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The text that was read since this position.
    pub(super) fn since(&self, position: usize) -> &'a str {
        &self.text[position..self.at]
    }

    /// The first byte of the next token, without consuming it; 0 at the end.
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Consumes this byte if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    /// Consumes this word if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.rest().starts_with(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    pub(super) fn expected(&self, expected: &'static str) -> DecodeProblem {
        DecodeProblem::Syntax {
            expected,
            byte: self.at,
        }
    }

    /// After an opening bracket: true when there is something before `close`.
    pub(super) fn has_first(&mut self, close: u8) -> bool {
        !self.take(close)
    }

    /// After an element: true when there is another one before `close`.
    pub(super) fn has_next(&mut self, close: u8) -> Result<bool, DecodeProblem> {
        if self.take(b',') {
            Ok(true)
        } else if self.take(close) {
            Ok(false)
        } else {
            Err(self.expected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" }))
        }
    }

    /// The name of a member, and the colon after it.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, DecodeProblem> {
        if self.peek() != b'"' {
            return Err(self.expected("a name in quotes"));
        }
        let name = self.string()?;
        if !self.take(b':') {
            return Err(self.expected("`:`"));
        }
        Ok(name)
    }

    /// A number, as it is written.
    pub(super) fn number(&mut self) -> Result<&'a str, DecodeProblem> {
        self.peek();
        let rest = self.rest();
        let length = number::length(rest.as_bytes()).ok_or_else(|| self.expected("a number"))?;
        self.at += length;
        Ok(&rest[..length])
    }

    /// The next text in quotes. Halves of surrogate pairs are replaced: JavaScript may write them.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, DecodeProblem> {
        self.at += 1;
        let mut run = self.run()?;
        if self.text.as_bytes()[self.at] == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(run));
        }
        let mut text = String::new();
        loop {
            text.push_str(run);
            self.at += 1;
            if self.text.as_bytes()[self.at - 1] == b'"' {
                return Ok(Cow::Owned(text));
            }
            text.push(self.escape()?);
            run = self.run()?;
        }
    }

    /// Text up to the next quote or backslash.
    fn run(&mut self) -> Result<&'a str, DecodeProblem> {
        let rest = self.rest();
        let length = first_special(rest.as_bytes());
        self.at += length.unwrap_or(rest.len());
        match self.text.as_bytes().get(self.at) {
            Some(b'"' | b'\\') => Ok(&rest[..length.unwrap_or_default()]),
            Some(_) => Err(self.expected("no control character in a string")),
            None => Err(self.expected("`\"` at the end of a string")),
        }
    }

    /// The character of an escape, from after its backslash.
    fn escape(&mut self) -> Result<char, DecodeProblem> {
        let byte = self.text.as_bytes().get(self.at).copied().unwrap_or_default();
        let character = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(character)
    }

    fn code_point(&mut self) -> Result<char, DecodeProblem> {
        let first = self.code_unit()?;
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.code_unit()?;
            if (0xDC00..0xE000).contains(&second) {
                let point = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&mut self) -> Result<u32, DecodeProblem> {
        let digits = self.rest().as_bytes().get(..4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, digit| {
                Some(unit * 16 + char::from(*digit).to_digit(16)?)
            })
        });
        let unit = unit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }
}
