//! Why JSON cannot be read.

use crate::path::{Path, Step, clipped};

/// Why JSON is no value, or no type, and where. Whoever wrote it is at fault; reading it again is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", path.prefix())]
pub struct DecodeError {
    /// Where, in the JSON: `value.text`.
    pub path: Path,
    /// What.
    pub problem: DecodeProblem,
}

/// What is wrong with JSON. The texts are those of the TypeScript SDK where it has one. Spec: provider 2.15.
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
    /// It is no JSON.
    #[error("not JSON: expected {expected} at byte {byte}")]
    Syntax {
        /// What could have been there.
        expected: &'static str,
        /// The position, from 0; invalid UTF-8 counts as what replaces it.
        byte: usize,
    },
    /// There is no object, or it has no tag.
    #[error("Invalid {what} JSON: expected object with \"tag\" field")]
    Untagged {
        /// `CValue` or `CType`.
        what: &'static str,
    },
    /// The tag is none of the protocol's.
    #[error("Unknown {what} tag: {}", clipped(tag))]
    UnknownTag {
        /// `CValue` or `CType`.
        what: &'static str,
        /// The tag.
        tag: Box<str>,
    },
    /// A member is not there.
    #[error("{tag} missing \"{member}\" field")]
    Missing {
        /// Of which tag.
        tag: &'static str,
        /// The member.
        member: &'static str,
    },
    /// A member is not what it must be.
    #[error("{tag} \"{member}\" must be {expected}")]
    Wrong {
        /// Of which tag.
        tag: &'static str,
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// An entry of a map is not a key and a value.
    #[error("CMap entry must be an object with \"key\" and \"value\" fields")]
    Entry,
    /// A member or a field comes twice: readers would differ in what it is.
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
