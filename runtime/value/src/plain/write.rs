//! Converts serde's data to a value, guided by the declared type.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::parts::Parts;
use crate::mismatch::{Kind, Mismatch, MismatchProblem};
use crate::{CType, CValue};

/// Creates a value of this type.
#[derive(Clone, Copy)]
pub(super) struct Writer<'t> {
    declared: &'t CType,
    /// Only one entry of the declared map, as a sequence of two.
    pub(super) is_entry: bool,
}

impl ser::Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        MismatchProblem::Other(message.to_string().into()).into()
    }
}

impl<'t> Writer<'t> {
    pub(super) fn new(declared: &'t CType) -> Self {
        Writer {
            declared,
            is_entry: false,
        }
    }

    /// For one entry of this writer's map.
    pub(super) fn entry(self) -> Self {
        Writer {
            is_entry: true,
            ..self
        }
    }

    /// The type of a value that is present.
    pub(super) fn present(self) -> &'t CType {
        match self.declared {
            CType::Optional(inner) => Writer::new(inner).present(),
            it => it,
        }
    }

    /// `value`, which has the type of [`Writer::present`].
    pub(super) fn wrapped(self, value: CValue) -> CValue {
        match self.declared {
            CType::Optional(inner) => CValue::Some {
                value: Box::new(Writer::new(inner).wrapped(value)),
                inner: inner.clone(),
            },
            _ => value,
        }
    }

    pub(super) fn other(self, found: Kind) -> Mismatch {
        MismatchProblem::Kind {
            expected: self.present().kind(),
            found,
        }
        .into()
    }

    /// A number, from any numeric type.
    fn number(self, integer: Option<i64>, float: f64) -> Result<CValue, Mismatch> {
        // The first double that is too large for an integer.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        let value = match (self.present(), integer) {
            (CType::Int, Some(integer)) => CValue::Int(integer),
            (CType::Int, None) if float.fract() != 0.0 => return Err(MismatchProblem::NotWhole.into()),
            (CType::Int, None) if (-BEYOND..BEYOND).contains(&float) => CValue::Int(float as i64),
            (CType::Int, None) => return Err(MismatchProblem::OutOfRange.into()),
            (CType::Float, _) => CValue::Float(float),
            (_, Some(_)) => return Err(self.other(Kind::Int)),
            (_, None) => return Err(self.other(Kind::Float)),
        };
        Ok(self.wrapped(value))
    }
}

impl<'t> Serializer for Writer<'t> {
    type Ok = CValue;
    type Error = Mismatch;
    type SerializeSeq = Parts<'t>;
    type SerializeTuple = Parts<'t>;
    type SerializeTupleStruct = Parts<'t>;
    type SerializeTupleVariant = Parts<'t>;
    type SerializeMap = Parts<'t>;
    type SerializeStruct = Parts<'t>;
    type SerializeStructVariant = Parts<'t>;

    fn serialize_bool(self, it: bool) -> Result<CValue, Mismatch> {
        match self.present() {
            CType::Boolean => Ok(self.wrapped(CValue::Boolean(it))),
            _ => Err(self.other(Kind::Boolean)),
        }
    }

    fn serialize_i8(self, it: i8) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_i16(self, it: i16) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_i32(self, it: i32) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_i64(self, it: i64) -> Result<CValue, Mismatch> {
        self.number(Some(it), it as f64)
    }

    fn serialize_i128(self, it: i128) -> Result<CValue, Mismatch> {
        self.number(i64::try_from(it).ok(), it as f64)
    }

    fn serialize_u8(self, it: u8) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_u16(self, it: u16) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_u32(self, it: u32) -> Result<CValue, Mismatch> {
        self.serialize_i64(it.into())
    }

    fn serialize_u64(self, it: u64) -> Result<CValue, Mismatch> {
        self.serialize_i128(it.into())
    }

    fn serialize_u128(self, it: u128) -> Result<CValue, Mismatch> {
        self.number(i64::try_from(it).ok(), it as f64)
    }

    fn serialize_f32(self, it: f32) -> Result<CValue, Mismatch> {
        self.serialize_f64(it.into())
    }

    fn serialize_f64(self, it: f64) -> Result<CValue, Mismatch> {
        self.number(None, it)
    }

    fn serialize_char(self, it: char) -> Result<CValue, Mismatch> {
        self.serialize_str(it.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, it: &str) -> Result<CValue, Mismatch> {
        match self.present() {
            CType::String => Ok(self.wrapped(CValue::string(it))),
            // An enum writes a variant without fields in this form, in JSON too.
            CType::Union(_) => Parts::unit_variant(self, it),
            _ => Err(self.other(Kind::String)),
        }
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<CValue, Mismatch> {
        bytes.serialize(self)
    }

    fn serialize_none(self) -> Result<CValue, Mismatch> {
        match self.declared {
            CType::Optional(inner) => Ok(CValue::None { inner: inner.clone() }),
            _ => Err(self.other(Kind::Null)),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, it: &T) -> Result<CValue, Mismatch> {
        match self.declared {
            CType::Optional(inner) => Ok(CValue::Some {
                value: Box::new(it.serialize(Writer::new(inner))?),
                inner: inner.clone(),
            }),
            _ => it.serialize(self),
        }
    }

    fn serialize_unit(self) -> Result<CValue, Mismatch> {
        match self.declared {
            CType::Float => Ok(CValue::Float(f64::NAN)),
            CType::Product(fields) if fields.is_empty() => self.serialize_unit_struct(""),
            _ => self.serialize_none(),
        }
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<CValue, Mismatch> {
        ser::SerializeStruct::end(self.serialize_struct(name, 0)?)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<CValue, Mismatch> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        it: &T,
    ) -> Result<CValue, Mismatch> {
        it.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        it: &T,
    ) -> Result<CValue, Mismatch> {
        Parts::variant(self, variant, |inner| it.serialize(inner))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'t>, Mismatch> {
        Parts::sequence(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'t>, Mismatch> {
        Parts::sequence(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'t>, Mismatch> {
        Parts::sequence(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>, Mismatch> {
        Parts::of_variant(self, variant, Parts::sequence)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'t>, Mismatch> {
        Parts::named(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'t>, Mismatch> {
        Parts::named(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>, Mismatch> {
        Parts::of_variant(self, variant, Parts::named)
    }
}
