//! Decodes values and types from JSON, leniently. Spec: provider 2.15.

mod content;
mod object;

use std::sync::Arc;

use self::content::Content;
use super::error::{DecodeError, DecodeProblem};
use super::reader::Reader;
use super::recent::{Names, Recent};
use super::tags::{Tag, What};
use crate::{CType, CValue, Fields, Limits};

/// Errors are rare and large, and results are passed up many levels.
type Result<T> = std::result::Result<T, Box<DecodeError>>;

/// Applies `read` to all of the JSON.
pub(super) fn whole<T>(
    json: &[u8],
    limits: &Limits,
    read: impl FnOnce(&mut Decoder<'_>) -> Result<T>,
) -> std::result::Result<T, DecodeError> {
    let read_all = || {
        if json.len() > limits.bytes_max {
            let (bytes, limit) = (json.len(), limits.bytes_max);
            return Err(DecodeProblem::TooLarge { bytes, limit }.into());
        }
        let text = String::from_utf8_lossy(json);
        let mut decoder = Decoder::new(&text, limits);
        let it = read(&mut decoder)?;
        match decoder.reader.peek() {
            0 if decoder.reader.rest().is_empty() => Ok(it),
            _ => Err(decoder.reader.expected("the end").into()),
        }
    };
    read_all().map_err(|error: Box<DecodeError>| *error)
}

/// Reads values and types, within limits.
pub(super) struct Decoder<'a> {
    reader: Reader<'a>,
    limits: Limits,
    nodes: usize,
    names: Names,
    scalars: Recent<'a, Arc<CType>>,
    types: Recent<'a, Arc<CType>>,
    structures: Recent<'a, Arc<Fields<CType>>>,
}

impl<'a> Decoder<'a> {
    fn new(text: &'a str, limits: &Limits) -> Self {
        Decoder {
            reader: Reader::new(text),
            limits: *limits,
            nodes: 0,
            names: Names::new(),
            scalars: Recent::new(),
            types: Recent::new(),
            structures: Recent::new(),
        }
    }

    /// A value, nested in `depth` others.
    pub(super) fn value(&mut self, depth: usize) -> Result<CValue> {
        let (tag, parts) = self.tagged(What::Value, depth)?;
        // All members are present: `tagged` has checked that.
        let made = match (tag, parts.value, parts.ctype) {
            (_, Some(Content::Scalar(value)), _) => Some(value),
            (_, Some(Content::Items(value)), Some(subtype)) => Some(CValue::List { value, subtype }),
            (_, Some(Content::Entries(value)), Some(values)) => {
                parts.keys.map(|keys| CValue::Map { value, keys, values })
            }
            (_, Some(Content::Fields(value)), _) => parts
                .structure
                .map(|structure| CValue::Product { value, structure }),
            (Tag::Some, Some(Content::One(value)), Some(inner)) => Some(CValue::Some { value, inner }),
            (_, Some(Content::One(value)), _) => {
                let rest = parts.structure.zip(parts.union_tag);
                rest.map(|(structure, tag)| CValue::Union {
                    value,
                    structure,
                    tag,
                })
            }
            (_, _, Some(inner)) => Some(CValue::None { inner }),
            _ => None,
        };
        made.ok_or_else(|| DecodeProblem::Untagged { what: "CValue" }.into())
    }

    /// A type, nested in `depth` others. Values of that type do not count.
    pub(super) fn ctype(&mut self, depth: usize) -> Result<Arc<CType>> {
        self.check_depth(depth)?;
        self.reader.peek();
        let rest = self.reader.rest();
        // A type with parts is reused only at the depth where it was first read: otherwise it could exceed the limit.
        let known = match (self.scalars.find(rest), depth) {
            (None, 0) => self.types.find(rest),
            (known, _) => known,
        };
        if let Some((length, known)) = known {
            self.reader.go_to(self.reader.position() + length);
            return Ok(known);
        }
        let start = self.reader.position();
        let (tag, parts) = self.tagged(What::Type, depth)?;
        let made = match (tag, parts.ctype, parts.structure) {
            (Tag::String, ..) => Some(CType::String),
            (Tag::Int, ..) => Some(CType::Int),
            (Tag::Float, ..) => Some(CType::Float),
            (Tag::Boolean, ..) => Some(CType::Boolean),
            (Tag::Map, Some(values), _) => parts.keys.map(|keys| CType::Map(keys, values)),
            (Tag::Optional, Some(inner), _) => Some(CType::Optional(inner)),
            (_, Some(element), _) => Some(CType::List(element)),
            (Tag::Union, _, Some(structure)) => Some(CType::Union(structure)),
            (_, _, Some(structure)) => Some(CType::Product(structure)),
            _ => None,
        };
        let made = Arc::new(made.ok_or(DecodeProblem::Untagged { what: "CType" })?);
        let text = self.reader.since(start);
        match *made {
            CType::String | CType::Int | CType::Float | CType::Boolean => {
                self.scalars.insert(text, made.clone());
            }
            _ if depth == 0 => self.types.insert(text, made.clone()),
            _ => {}
        }
        Ok(made)
    }

    /// Counts another value or type, nested in `depth` others.
    fn count(&mut self, depth: usize) -> Result<()> {
        self.check_depth(depth)?;
        self.nodes += 1;
        let limit = self.limits.nodes_max;
        match self.nodes > limit {
            true => Err(DecodeProblem::TooMany { limit }.into()),
            false => Ok(()),
        }
    }

    fn check_depth(&self, depth: usize) -> Result<()> {
        let limit = self.limits.depth_max;
        match depth >= limit {
            true => Err(DecodeProblem::TooDeep { limit }.into()),
            false => Ok(()),
        }
    }
}
