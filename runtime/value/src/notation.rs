//! Human-readable types: `{text: String, n: Optional<Int>}`.

use std::fmt;

use crate::path::is_identifier;
use crate::{CType, Fields};

impl fmt::Display for CType {
    /// Records as `{name: Type, ...}`, unions as `(name: Type | ...)`, and the rest by name. Names that are not
    /// identifiers are quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CType::String => f.write_str("String"),
            CType::Int => f.write_str("Int"),
            CType::Float => f.write_str("Float"),
            CType::Boolean => f.write_str("Boolean"),
            CType::Product(fields) => named(f, '{', fields, ", ", '}'),
            CType::List(element) => write!(f, "List<{element}>"),
            CType::Map(keys, values) => write!(f, "Map<{keys}, {values}>"),
            CType::Union(variants) => named(f, '(', variants, " | ", ')'),
            CType::Optional(inner) => write!(f, "Optional<{inner}>"),
        }
    }
}

fn named(
    f: &mut fmt::Formatter<'_>,
    open: char,
    types: &Fields<CType>,
    between: &str,
    close: char,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (index, (name, it)) in types.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        match is_identifier(name) {
            true => write!(f, "{name}: {it}")?,
            false => write!(f, "{name:?}: {it}")?,
        }
    }
    write!(f, "{close}")
}
