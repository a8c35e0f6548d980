//! What a program consists of, once it is read.

use std::sync::Arc;

use squall_value::{CType, CValue};

use super::Span;

/// Something at a place of the source.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Places do not count: two programs are the same when they say the same, however they are laid out.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A name as it is written: of a variable, a field, a module or an output.
pub(super) type Name = At<Arc<str>>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// `in text: String`
    Input { name: Name, ctype: CType },
    /// `result = ml.Analyze(text)`
    Let { name: Name, value: Expression },
    /// `out result`, or `out feeling = result.sentiment`
    Output { name: Option<Name>, value: Expression },
}

/// A base, and the fields that are read from it, one from the other. A chain of fields is flat, so that only brackets
/// nest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    pub(super) base: Base,
    pub(super) fields: Vec<Name>,
    /// Of the whole, fields included.
    pub(super) place: At<()>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Base {
    Literal(CValue),
    Variable(Name),
    Call { module: Name, arguments: Vec<Argument> },
}

/// `text`, or `text: text`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Argument {
    pub(super) name: Option<Name>,
    pub(super) value: Expression,
}
