//! The kinds of fields that events have.

use crate::Misfit;
use crate::read::{Reading, Value};

/// A kind of field, in events whose texts are stored as `T`.
pub trait Kind<T> {
    /// The value of such a field.
    type Value;
}

/// A kind of field that can be read back.
pub trait Readable<T>: Kind<T> {
    /// Reads the field of this name.
    ///
    /// # Errors
    /// When there is none, or it is of another kind.
    fn read(fields: &Reading<'_, T>, name: &'static str) -> Result<Self::Value, Misfit>;
}

/// A number.
#[derive(Debug)]
pub enum Number {}

/// True or false.
#[derive(Debug)]
pub enum Flag {}

/// A text.
#[derive(Debug)]
pub enum Text {}

impl<T> Kind<T> for Number {
    type Value = u64;
}

impl<T> Readable<T> for Number {
    fn read(fields: &Reading<'_, T>, name: &'static str) -> Result<u64, Misfit> {
        fields.value(name, "number", |value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        })
    }
}

impl<T> Kind<T> for Flag {
    type Value = bool;
}

impl<T> Readable<T> for Flag {
    fn read(fields: &Reading<'_, T>, name: &'static str) -> Result<bool, Misfit> {
        fields.value(name, "flag", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }
}

impl<T> Kind<T> for Text {
    type Value = T;
}

impl<T: Clone> Readable<T> for Text {
    fn read(fields: &Reading<'_, T>, name: &'static str) -> Result<T, Misfit> {
        fields.value(name, "text", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }
}
