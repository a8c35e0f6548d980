//! Type mismatches.

use std::fmt;
use std::sync::Arc;

use crate::path::{Path, Step, clipped};
use crate::{CType, CValue};

/// A value, a type, or plain data does not match a declared type, and where. Its author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", path.prefix())]
pub struct Mismatch {
    /// The place: names of fields, positions in lists and maps, tags of unions.
    pub path: Path,
    /// The kind of mismatch.
    pub problem: MismatchProblem,
}

/// The kind of mismatch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MismatchProblem {
    /// It has another type.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// The expected type.
        expected: Kind,
        /// The actual type.
        found: Kind,
    },
    /// A record lacks the field. An optional field must be present too, as none. Spec: provider 2.15.
    #[error("the field is missing")]
    MissingField,
    /// A record has a field that is not declared.
    #[error("there is no such field")]
    UnknownField,
    /// A union has no variant of this name.
    #[error("there is no variant {:?}", clipped(tag))]
    UnknownVariant {
        /// The name.
        tag: Arc<str>,
    },
    /// A union's tag is undeclared, and its value has the type of none of the declared variants.
    #[error("tagged {:?}, and of no variant's type", clipped(tag))]
    NoVariantFits {
        /// The tag.
        tag: Arc<str>,
    },
    /// Two unions have different numbers of variants.
    #[error("expected {expected} variants, found {found}")]
    Variants {
        /// The expected number.
        expected: usize,
        /// The actual number.
        found: usize,
    },
    /// A number has a fraction where an integer is expected.
    #[error("expected a whole number")]
    NotWhole,
    /// A number is beyond 64 bits.
    #[error("expected a number of 64 bits")]
    OutOfRange,
    /// An entry of a map is not a key and a value.
    #[error("expected a key and a value")]
    NotAnEntry,
    /// A union in plain data is not a single variant's name with its value.
    #[error("expected one member, named like a variant")]
    NotOneVariant,
    /// The error of a user's type while it was read or written.
    #[error("{0}")]
    Other(Box<str>),
}

/// The kind of a value or type, without its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    String,
    /// A signed integer of 64 bits.
    Int,
    /// A double.
    Float,
    /// True or false.
    Boolean,
    /// A record.
    Product,
    /// A list.
    List,
    /// A map.
    Map,
    /// One of several types.
    Union,
    /// A value or none.
    Optional,
    /// Nothing: `null` in plain data.
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::String => "String",
            Kind::Int => "Int",
            Kind::Float => "Float",
            Kind::Boolean => "Boolean",
            Kind::Product => "a record",
            Kind::List => "List",
            Kind::Map => "Map",
            Kind::Union => "a union",
            Kind::Optional => "Optional",
            Kind::Null => "null",
        })
    }
}

impl CType {
    /// Its kind, without its contents.
    pub fn kind(&self) -> Kind {
        match self {
            CType::String => Kind::String,
            CType::Int => Kind::Int,
            CType::Float => Kind::Float,
            CType::Boolean => Kind::Boolean,
            CType::Product(_) => Kind::Product,
            CType::List(_) => Kind::List,
            CType::Map(..) => Kind::Map,
            CType::Union(_) => Kind::Union,
            CType::Optional(_) => Kind::Optional,
        }
    }
}

impl CValue {
    /// Its kind, without its contents.
    pub fn kind(&self) -> Kind {
        match self {
            CValue::String(_) => Kind::String,
            CValue::Int(_) => Kind::Int,
            CValue::Float(_) => Kind::Float,
            CValue::Boolean(_) => Kind::Boolean,
            CValue::Product { .. } => Kind::Product,
            CValue::List { .. } => Kind::List,
            CValue::Map { .. } => Kind::Map,
            CValue::Union { .. } => Kind::Union,
            CValue::Some { .. } | CValue::None { .. } => Kind::Optional,
        }
    }
}

impl Mismatch {
    /// Puts `step` before its path.
    pub(crate) fn within(mut self, step: Step) -> Self {
        self.path.prepend(step);
        self
    }

    /// Puts a name before its path.
    pub(crate) fn at(self, name: &Arc<str>) -> Self {
        self.within(Step::Name(name.clone()))
    }
}

impl From<MismatchProblem> for Mismatch {
    fn from(problem: MismatchProblem) -> Self {
        Mismatch {
            path: Path::default(),
            problem,
        }
    }
}
