//! Compound data on the way from a value to serde.

use std::collections::btree_map;
use std::sync::Arc;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Reader;
use crate::mismatch::{Mismatch, MismatchProblem};
use crate::path::Step;
use crate::{CValue, Fields};

/// The fields of a record.
pub(super) struct Named<'de> {
    rest: btree_map::Iter<'de, Arc<str>, CValue>,
    value: Option<(&'de Arc<str>, &'de CValue)>,
}

impl<'de> Named<'de> {
    pub(super) fn new(fields: &'de Fields<CValue>) -> Self {
        Named {
            rest: fields.iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Named<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.value = self.rest.next();
        let name = self.value.map(|(name, _)| name);
        name.map(|name| seed.deserialize(BorrowedStrDeserializer::new(name)))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let (name, value) = self.value.take().ok_or_else(out_of_order)?;
        seed.deserialize(Reader(value)).map_err(|it| it.at(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The elements of a list.
pub(super) struct Items<'de> {
    rest: &'de [CValue],
    index: usize,
}

impl<'de> Items<'de> {
    pub(super) fn new(rest: &'de [CValue]) -> Self {
        Items { rest, index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        self.index += 1;
        let element = seed.deserialize(Reader(first));
        element
            .map(Some)
            .map_err(|it| it.within(Step::Index(self.index - 1)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a map, as a map.
pub(super) struct Entries<'de> {
    /// The entry whose key was read last is the first one, until its value is read too.
    rest: &'de [(CValue, CValue)],
    index: usize,
}

impl<'de> Entries<'de> {
    pub(super) fn new(rest: &'de [(CValue, CValue)]) -> Self {
        Entries { rest, index: 0 }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let key = self.rest.first().map(|(key, _)| seed.deserialize(Reader(key)));
        key.transpose()
            .map_err(|it| it.within(Step::Member("key")).within(Step::Index(self.index)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let ((_, value), rest) = self.rest.split_first().ok_or_else(out_of_order)?;
        let index = self.index;
        self.rest = rest;
        self.index += 1;
        seed.deserialize(Reader(value))
            .map_err(|it| it.within(Step::Member("value")).within(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a map, as a sequence of sequences of two.
pub(super) struct Pairs<'de> {
    rest: &'de [(CValue, CValue)],
    index: usize,
}

impl<'de> Pairs<'de> {
    pub(super) fn new(rest: &'de [(CValue, CValue)]) -> Self {
        Pairs { rest, index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Pairs<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        self.index += 1;
        seed.deserialize(Pair(first))
            .map(Some)
            .map_err(|it| it.within(Step::Index(self.index - 1)))
    }
}

/// One entry of a map, as a sequence of two.
struct Pair<'de>(&'de (CValue, CValue));

impl<'de> Deserializer<'de> for Pair<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let (key, value) = self.0;
        let halves = [(key, "key"), (value, "value")];
        visitor.visit_seq(Halves(halves.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Halves<'de>(std::array::IntoIter<(&'de CValue, &'static str), 2>);

impl<'de> SeqAccess<'de> for Halves<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let half = self.0.next().map(|(half, step)| {
            seed.deserialize(Reader(half))
                .map_err(|it| it.within(Step::Member(step)))
        });
        half.transpose()
    }
}

/// A union's variant, as an enum's or as a map of one.
pub(super) struct Tagged<'de> {
    tag: &'de Arc<str>,
    /// `None` once it has been read.
    value: Option<&'de CValue>,
}

impl<'de> Tagged<'de> {
    pub(super) fn new(tag: &'de Arc<str>, value: &'de CValue) -> Self {
        let value = Some(value);
        Tagged { tag, value }
    }

    fn read<T>(self, read: impl FnOnce(Reader<'de>) -> Result<T, Mismatch>) -> Result<T, Mismatch> {
        let value = self.value.ok_or_else(out_of_order)?;
        read(Reader(value)).map_err(|it| it.at(self.tag))
    }
}

impl<'de> MapAccess<'de> for Tagged<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let tag = self.value.map(|_| BorrowedStrDeserializer::new(self.tag));
        tag.map(|tag| seed.deserialize(tag)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let value = self.value.take();
        Tagged { tag: self.tag, value }.read(|value| seed.deserialize(value))
    }
}

impl<'de> EnumAccess<'de> for Tagged<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        let tag = BorrowedStrDeserializer::<Mismatch>::new(self.tag);
        Ok((seed.deserialize(tag)?, self))
    }
}

impl<'de> VariantAccess<'de> for Tagged<'de> {
    type Error = Mismatch;

    /// The content of a variant without fields is ignored.
    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        self.read(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.read(|value| value.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.read(|value| value.deserialize_struct("", fields, visitor))
    }
}

/// A visitor asks for a value before its key, which serde's contract forbids.
fn out_of_order() -> Mismatch {
    MismatchProblem::NotAnEntry.into()
}
