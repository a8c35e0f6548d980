//! Converts a value to serde's data.

mod access;

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Entries, Items, Named, Pairs, Tagged};
use crate::mismatch::{Mismatch, MismatchProblem};
use crate::{CType, CValue};

/// Reads a value. A `Some` is read as its content, except for an `Option`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de>(pub(super) &'de CValue);

impl de::Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        MismatchProblem::Other(message.to_string().into()).into()
    }
}

impl<'de> Reader<'de> {
    fn present(self) -> &'de CValue {
        match self.0 {
            CValue::Some { value, .. } => Reader(value).present(),
            it => it,
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.present() {
            CValue::String(text) => visitor.visit_borrowed_str(text),
            CValue::Int(integer) => visitor.visit_i64(*integer),
            CValue::Float(float) => visitor.visit_f64(*float),
            CValue::Boolean(it) => visitor.visit_bool(*it),
            CValue::Product { value, .. } => visitor.visit_map(Named::new(value)),
            CValue::List { value, .. } => visitor.visit_seq(Items::new(value)),
            // As in JSON, where names are strings.
            CValue::Map { value, keys, .. } if **keys == CType::String => {
                visitor.visit_map(Entries::new(value))
            }
            CValue::Map { value, .. } => visitor.visit_seq(Pairs::new(value)),
            CValue::Union { value, tag, .. } => visitor.visit_map(Tagged::new(tag, value)),
            CValue::Some { value, .. } => Reader(value).deserialize_any(visitor),
            CValue::None { .. } => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            CValue::None { .. } => visitor.visit_none(),
            CValue::Some { value, .. } => visitor.visit_some(Reader(value)),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.present() {
            CValue::Product { value, .. } if value.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.present() {
            CValue::Map { value, .. } => visitor.visit_map(Entries::new(value)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.present() {
            CValue::Map { value, .. } => visitor.visit_seq(Pairs::new(value)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.present() {
            CValue::Union { value, tag, .. } => visitor.visit_enum(Tagged::new(tag, value)),
            CValue::String(name) => {
                let name: StrDeserializer<'_, Mismatch> = (**name).into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        tuple tuple_struct struct identifier ignored_any
    }
}
