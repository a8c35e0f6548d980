//! The syntax tree of a program.

use std::sync::Arc;

use squall_value::{CType, CValue};

use super::Span;

/// A node with its place in the source.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Places do not count: two programs are equal if they differ only in layout.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A name in the source: of a variable, a field, a module or an output.
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

/// A base, and a chain of nested fields that are read from it. The chain is flat, so that only brackets nest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    pub(super) base: Base,
    pub(super) fields: Vec<Name>,
    /// The place of the whole, fields included.
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
