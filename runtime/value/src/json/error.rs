//! Why JSON cannot be read.

use crate::path::{Path, Step, clipped};

/// Why JSON is not a value, or not a type, and where. The sender is at fault; decoding it again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", path.prefix())]
pub struct DecodeError {
    /// The place in the JSON: `value.text`.
    pub path: Path,
    /// The mistake.
    pub problem: DecodeProblem,
}

/// The mistake in JSON. The texts are those of the TypeScript SDK where it has one. Spec: provider 2.15.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// It is larger than [`Limits::bytes_max`](crate::Limits::bytes_max).
    #[error("JSON of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It nests deeper than [`Limits::depth_max`](crate::Limits::depth_max).
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It has more values and types than [`Limits::nodes_max`](crate::Limits::nodes_max).
    #[error("more than {limit} values and types")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// It is not JSON.
    #[error("not JSON: expected {expected} at byte {byte}")]
    Syntax {
        /// The expected tokens.
        expected: &'static str,
        /// The position, from 0; invalid UTF-8 counts as its replacement.
        byte: usize,
    },
    /// It is not an object, or has no tag.
    #[error("Invalid {what} JSON: expected object with \"tag\" field")]
    Untagged {
        /// `CValue` or `CType`.
        what: &'static str,
    },
    /// The tag is unknown in the protocol.
    #[error("Unknown {what} tag: {}", clipped(tag))]
    UnknownTag {
        /// `CValue` or `CType`.
        what: &'static str,
        /// The tag.
        tag: Box<str>,
    },
    /// A member is missing.
    #[error("{tag} missing \"{member}\" field")]
    Missing {
        /// The tag of its object.
        tag: &'static str,
        /// The member.
        member: &'static str,
    },
    /// A member has the wrong type.
    #[error("{tag} \"{member}\" must be {expected}")]
    Wrong {
        /// The tag of its object.
        tag: &'static str,
        /// The member.
        member: &'static str,
        /// The expected type.
        expected: &'static str,
    },
    /// An entry of a map is not a key and a value.
    #[error("CMap entry must be an object with \"key\" and \"value\" fields")]
    Entry,
    /// A duplicate member or field: decoders would differ about its value.
    #[error("\"{}\" comes twice", clipped(name))]
    Twice {
        /// Its name.
        name: Box<str>,
    },
}

impl DecodeError {
    /// Puts `step` before its path.
    pub(super) fn within(mut self: Box<Self>, step: Step) -> Box<Self> {
        self.path.prepend(step);
        self
    }
}

impl From<DecodeProblem> for Box<DecodeError> {
    fn from(problem: DecodeProblem) -> Self {
        Box::new(DecodeError {
            path: Path::default(),
            problem,
        })
    }
}
