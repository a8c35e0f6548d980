//! Compound data on the way from serde to a value.

mod sinks;

use std::sync::Arc;

use serde::ser::{Serialize, Serializer};

use super::write::Writer;
use crate::mismatch::{Kind, Mismatch, MismatchProblem};
use crate::path::Step;
use crate::{CType, CValue, Fields};

/// The parts of a value that have been written.
pub(super) struct Parts<'t> {
    /// The type of the whole.
    whole: Writer<'t>,
    so_far: SoFar<'t>,
    /// The key whose value is still missing.
    key: Option<CValue>,
    /// The enclosing union, and the variant of it that the whole is.
    of: Option<(Writer<'t>, Arc<str>)>,
}

enum SoFar<'t> {
    Items(&'t Arc<CType>, Vec<CValue>),
    /// A map.
    Entries(&'t Arc<CType>, &'t Arc<CType>, Vec<(CValue, CValue)>),
    /// A map as a sequence of sequences of two.
    Pairs(&'t Arc<CType>, &'t Arc<CType>, Vec<(CValue, CValue)>),
    /// An entry of such a map.
    Pair(&'t Arc<CType>, &'t Arc<CType>, Vec<CValue>),
    Fields(&'t Arc<Fields<CType>>, Fields<CValue>),
    Variant(&'t Arc<Fields<CType>>, Option<(Arc<str>, CValue)>),
}

impl<'t> Parts<'t> {
    fn new(whole: Writer<'t>, so_far: SoFar<'t>) -> Self {
        Parts {
            whole,
            so_far,
            key: None,
            of: None,
        }
    }

    /// A list or a tuple.
    pub(super) fn sequence(whole: Writer<'t>) -> Result<Self, Mismatch> {
        let so_far = match whole.present() {
            CType::List(element) => SoFar::Items(element, vec![]),
            CType::Map(keys, values) if whole.is_entry => SoFar::Pair(keys, values, vec![]),
            CType::Map(keys, values) => SoFar::Pairs(keys, values, vec![]),
            _ => return Err(whole.other(Kind::List)),
        };
        Ok(Parts::new(whole, so_far))
    }

    /// A map or a struct.
    pub(super) fn named(whole: Writer<'t>) -> Result<Self, Mismatch> {
        let so_far = match whole.present() {
            CType::Product(fields) => SoFar::Fields(fields, Fields::new()),
            CType::Map(keys, values) if !whole.is_entry => SoFar::Entries(keys, values, vec![]),
            CType::Union(variants) => SoFar::Variant(variants, None),
            _ => return Err(whole.other(Kind::Product)),
        };
        Ok(Parts::new(whole, so_far))
    }

    /// A compound variant, which `open` creates.
    pub(super) fn of_variant(
        union: Writer<'t>,
        tag: &str,
        open: fn(Writer<'t>) -> Result<Self, Mismatch>,
    ) -> Result<Self, Mismatch> {
        let (tag, variant) = variant_of(union, tag)?;
        let parts = open(variant).map_err(|it| it.at(&tag))?;
        Ok(Parts {
            of: Some((union, tag)),
            ..parts
        })
    }

    /// A variant with one value, which `write` writes.
    pub(super) fn variant(
        union: Writer<'t>,
        tag: &str,
        write: impl FnOnce(Writer<'t>) -> Result<CValue, Mismatch>,
    ) -> Result<CValue, Mismatch> {
        let (tag, variant) = variant_of(union, tag)?;
        let value = write(variant).map_err(|it| it.at(&tag))?;
        Ok(tagged(union, tag, value))
    }

    /// A variant without a value: a record without fields, or none if it is optional.
    pub(super) fn unit_variant(union: Writer<'t>, tag: &str) -> Result<CValue, Mismatch> {
        Parts::variant(union, tag, |variant| match variant.present() {
            CType::Product(_) => variant.serialize_unit_struct(""),
            _ => variant.serialize_none(),
        })
    }

    fn element<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        match &mut self.so_far {
            SoFar::Items(element, items) => {
                let index = items.len();
                let item = it.serialize(Writer::new(element));
                items.push(item.map_err(|it| it.within(Step::Index(index)))?);
            }
            SoFar::Pairs(_, _, pairs) => {
                let index = pairs.len();
                match it.serialize(self.whole.entry()).map_err(entry_error) {
                    // An entry is written as a map with one key.
                    Ok(CValue::Map { value, .. }) => pairs.extend(value),
                    Ok(_) => {
                        return Err(Mismatch::from(MismatchProblem::NotAnEntry).within(Step::Index(index)));
                    }
                    Err(error) => return Err(error.within(Step::Index(index))),
                }
            }
            SoFar::Pair(keys, values, pair) => {
                let (ctype, step) = match pair.len() {
                    0 => (keys, "key"),
                    1 => (values, "value"),
                    _ => return Err(MismatchProblem::NotAnEntry.into()),
                };
                let half = it.serialize(Writer::new(ctype));
                pair.push(half.map_err(|it| it.within(Step::Member(step)))?);
            }
            SoFar::Entries(..) | SoFar::Fields(..) | SoFar::Variant(..) => {
                return Err(MismatchProblem::NotAnEntry.into());
            }
        }
        Ok(())
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Mismatch> {
        let written = match &self.so_far {
            SoFar::Entries(keys, _, entries) => key
                .serialize(Writer::new(keys))
                .map_err(|it| it.within(Step::Member("key")).within(Step::Index(entries.len()))),
            _ => key.serialize(Writer::new(&CType::String)),
        };
        self.key = Some(written?);
        Ok(())
    }

    /// The value of the previous key.
    fn value<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        match (self.key.take(), &mut self.so_far) {
            (Some(key), SoFar::Entries(_, values, entries)) => {
                let index = entries.len();
                let value = it.serialize(Writer::new(values));
                let value =
                    value.map_err(|it| it.within(Step::Member("value")).within(Step::Index(index)))?;
                entries.push((key, value));
                Ok(())
            }
            (Some(CValue::String(name)), _) => self.field(&name, it),
            _ => Err(MismatchProblem::NotAnEntry.into()),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, it: &T) -> Result<(), Mismatch> {
        match &mut self.so_far {
            SoFar::Fields(structure, fields) => {
                let Some((name, declared)) = structure.get_key_value(name) else {
                    return Err(Mismatch::from(MismatchProblem::UnknownField).at(&name.into()));
                };
                let field = it.serialize(Writer::new(declared)).map_err(|it| it.at(name))?;
                fields.insert(name.clone(), field);
                Ok(())
            }
            SoFar::Variant(_, written @ None) => {
                let (tag, variant) = variant_of(self.whole, name)?;
                let value = it.serialize(variant).map_err(|it| it.at(&tag))?;
                *written = Some((tag, value));
                Ok(())
            }
            SoFar::Variant(_, Some(_)) => Err(MismatchProblem::NotOneVariant.into()),
            _ => {
                self.key(name)?;
                self.value(it)
            }
        }
    }

    fn end(self) -> Result<CValue, Mismatch> {
        let value = match self.so_far {
            SoFar::Items(subtype, value) => CValue::List {
                value,
                subtype: subtype.clone(),
            },
            SoFar::Entries(keys, values, value) | SoFar::Pairs(keys, values, value) => CValue::Map {
                value,
                keys: keys.clone(),
                values: values.clone(),
            },
            SoFar::Pair(keys, values, pair) => {
                let [key, value] = <[CValue; 2]>::try_from(pair).map_err(|_| MismatchProblem::NotAnEntry)?;
                CValue::Map {
                    value: vec![(key, value)],
                    keys: keys.clone(),
                    values: values.clone(),
                }
            }
            SoFar::Fields(structure, value) => complete(structure, value)?,
            SoFar::Variant(structure, Some((tag, value))) => CValue::Union {
                value: Box::new(value),
                structure: structure.clone(),
                tag,
            },
            SoFar::Variant(_, None) => return Err(MismatchProblem::NotOneVariant.into()),
        };
        // The union around an entry of a map is that of the whole map.
        if self.whole.is_entry {
            return Ok(value);
        }
        let value = self.whole.wrapped(value);
        Ok(match self.of {
            Some((union, tag)) => tagged(union, tag, value),
            None => value,
        })
    }
}

/// A record of these fields, with none for missing optional ones.
fn complete(structure: &Arc<Fields<CType>>, mut value: Fields<CValue>) -> Result<CValue, Mismatch> {
    if value.len() < structure.len() {
        for (name, declared) in &**structure {
            match declared {
                _ if value.contains_key(name) => {}
                CType::Optional(inner) => {
                    let inner = inner.clone();
                    value.insert(name.clone(), CValue::None { inner });
                }
                _ => return Err(Mismatch::from(MismatchProblem::MissingField).at(name)),
            }
        }
    }
    Ok(CValue::Product {
        value,
        structure: structure.clone(),
    })
}

/// The variant of a union that has this name.
fn variant_of<'t>(union: Writer<'t>, tag: &str) -> Result<(Arc<str>, Writer<'t>), Mismatch> {
    let CType::Union(variants) = union.present() else {
        return Err(union.other(Kind::Union));
    };
    match variants.get_key_value(tag) {
        Some((tag, variant)) => Ok((tag.clone(), Writer::new(variant))),
        None => Err(MismatchProblem::UnknownVariant { tag: tag.into() }.into()),
    }
}

fn tagged(union: Writer<'_>, tag: Arc<str>, value: CValue) -> CValue {
    let CType::Union(structure) = union.present() else {
        return value;
    };
    union.wrapped(CValue::Union {
        value: Box::new(value),
        structure: structure.clone(),
        tag,
    })
}

/// Anything that is not a sequence is not an entry.
fn entry_error(error: Mismatch) -> Mismatch {
    match error.problem {
        MismatchProblem::Kind { .. } if error.path.is_root() => MismatchProblem::NotAnEntry.into(),
        _ => error,
    }
}
