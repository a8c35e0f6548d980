//! Prints programs as text that parses to the same program.

use std::fmt::{self, Display, Formatter, Write};
use std::sync::Arc;

use squall_value::{CType, CValue};

use super::Pipeline;
use super::mistake::brief;
use super::syntax::{Argument, Base, Expression, Statement};

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for statement in &self.statements {
            writeln!(f, "{statement}")?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Input { name, ctype } => write!(f, "in {}: {}", name.value, Written(ctype)),
            Statement::Let { name, value } => write!(f, "{} = {value}", name.value),
            Statement::Output { name: None, value } => write!(f, "out {value}"),
            Statement::Output {
                name: Some(name),
                value,
            } => write!(f, "out {} = {value}", name.value),
        }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.base {
            Base::Literal(value) => literal(value, f)?,
            Base::Variable(name) => f.write_str(&name.value)?,
            Base::Call { module, arguments } => {
                write!(f, "{}(", module.value)?;
                separated(arguments, f)?;
                f.write_char(')')?;
            }
        }
        self.fields
            .iter()
            .try_for_each(|field| write!(f, ".{}", field.value))
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{}: ", name.value)?;
        }
        self.value.fmt(f)
    }
}

/// Programs contain no other values.
fn literal(value: &CValue, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        CValue::Int(int) => write!(f, "{int}"),
        // Always with a point or an exponent, also for whole numbers.
        CValue::Float(float) => write!(f, "{float:?}"),
        CValue::Boolean(boolean) => write!(f, "{boolean}"),
        CValue::String(text) => quoted(text, f),
        other => write!(f, "{other:?}"),
    }
}

fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "{}", c.escape_unicode())?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// A type as written in programs, where names may have a `-` without quotes. Unions cannot be written there; they
/// appear only in messages.
pub(super) struct Written<'a>(pub(super) &'a CType);

impl Written<'_> {
    /// For messages.
    pub(super) fn brief(&self) -> Arc<str> {
        brief(&self.to_string())
    }
}

impl Display for Written<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            CType::String => f.write_str("String"),
            CType::Int => f.write_str("Int"),
            CType::Float => f.write_str("Float"),
            CType::Boolean => f.write_str("Boolean"),
            CType::List(element) => write!(f, "List<{}>", Written(element)),
            CType::Map(keys, values) => write!(f, "Map<{}, {}>", Written(keys), Written(values)),
            CType::Optional(inner) => write!(f, "Optional<{}>", Written(inner)),
            CType::Product(fields) if fields.is_empty() => f.write_str("{}"),
            CType::Product(fields) => {
                f.write_str("{ ")?;
                separated(
                    fields
                        .iter()
                        .map(|(name, ctype)| format!("{name}: {}", Written(ctype))),
                    f,
                )?;
                f.write_str(" }")
            }
            CType::Union(variants) => {
                f.write_str("Union<")?;
                separated(
                    variants
                        .iter()
                        .map(|(tag, ctype)| format!("{tag}: {}", Written(ctype))),
                    f,
                )?;
                f.write_char('>')
            }
        }
    }
}

pub(super) fn separated<T: Display>(items: impl IntoIterator<Item = T>, f: &mut impl Write) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}
