//! The place of something in a value.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The maximum shown length of received names: they may be megabytes.
const SHOWN_BYTES_MAX: usize = 80;

/// The path from the root of a value to a place in it: `items[3].name`. Empty for the root itself.
///
/// It is built from the inside out, while an error is passed up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// The innermost first.
    steps: Vec<Step>,
}

/// One step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To a member of the protocol.
    Member(&'static str),
    /// To a field or a variant.
    Name(Arc<str>),
    /// To an element of a list, or an entry of a map.
    Index(usize),
}

impl Path {
    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Puts `step` before all others.
    pub(crate) fn prepend(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The prefix of an error's text at this place.
    pub(crate) fn prefix(&self) -> impl fmt::Display + '_ {
        struct Prefix<'a>(&'a Path);
        impl fmt::Display for Prefix<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0.is_root() {
                    true => Ok(()),
                    false => write!(f, "{}: ", self.0),
                }
            }
        }
        Prefix(self)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().rev().enumerate() {
            let dot = if position == 0 { "" } else { "." };
            match step {
                Step::Member(name) => write!(f, "{dot}{name}")?,
                Step::Name(name) if is_identifier(name) => write!(f, "{dot}{}", clipped(name))?,
                Step::Name(name) => write!(f, "[{:?}]", clipped(name))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// True when a name can be written without quotes.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The text, cut at a character boundary when it is long.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    Cow::Owned(format!("{}...", &text[..end]))
}
