//! The content of the member `value`.

use std::collections::btree_map::Entry;

use super::object::twice;
use super::{Decoder, Result};
use crate::json::error::{DecodeError, DecodeProblem};
use crate::json::number::{self, NotAnInteger};
use crate::json::tags::{Member, Tag};
use crate::path::Step;
use crate::{CValue, Fields};

/// A `value`.
pub(super) enum Content {
    /// The whole of a value without other members.
    Scalar(CValue),
    Items(Vec<CValue>),
    Entries(Vec<(CValue, CValue)>),
    Fields(Fields<CValue>),
    One(Box<CValue>),
}

impl Decoder<'_> {
    /// The `value` of a value.
    pub(super) fn content(&mut self, tag: Tag, depth: usize) -> Result<Content> {
        let inside = |error: Box<DecodeError>| error.within(Step::Member(Member::Value.as_str()));
        match (tag, self.reader.peek()) {
            (Tag::String, b'"') => {
                let text = self.reader.string()?;
                Ok(Content::Scalar(CValue::string(text)))
            }
            (Tag::Int, b'-' | b'0'..=b'9' | b'"') => self.integer().map(Content::Scalar),
            (Tag::Float, b'-' | b'0'..=b'9' | b'"' | b'n') => self.float().map(Content::Scalar),
            (Tag::Boolean, b't') if self.reader.take_word("true") => {
                Ok(Content::Scalar(CValue::Boolean(true)))
            }
            (Tag::Boolean, b'f') if self.reader.take_word("false") => {
                Ok(Content::Scalar(CValue::Boolean(false)))
            }
            (Tag::List | Tag::Seq, b'[') => self.items(depth).map(Content::Items).map_err(inside),
            (Tag::Map, b'[') => self.entries(depth).map(Content::Entries).map_err(inside),
            (Tag::Product, b'{') => self.fields(depth).map(Content::Fields).map_err(inside),
            (Tag::Union | Tag::Some, _) => {
                let value = self.value(depth + 1).map_err(inside)?;
                Ok(Content::One(Box::new(value)))
            }
            _ => Err(self.wrong(tag, Member::Value, tag.value_is())),
        }
    }

    fn integer(&mut self) -> Result<CValue> {
        let problem = |expected| DecodeProblem::Wrong {
            tag: Tag::Int.as_str(),
            member: Member::Value.as_str(),
            expected,
        };
        let integer = match self.reader.peek() {
            b'"' => {
                let text = self.reader.string()?;
                if !number::is_number(&text) {
                    return Err(problem("a number").into());
                }
                number::integer(&text)
            }
            _ => number::integer(self.reader.number()?),
        };
        integer.map(CValue::Int).map_err(|reason| {
            problem(match reason {
                NotAnInteger::Fraction => "a whole number",
                NotAnInteger::Range => "a number of 64 bits",
            })
            .into()
        })
    }

    /// A double; numbers beyond its range become infinite, as in other languages.
    fn float(&mut self) -> Result<CValue> {
        let float = match self.reader.peek() {
            b'n' if self.reader.take_word("null") => Some(f64::NAN),
            b'"' => {
                let text = self.reader.string()?;
                number::is_number(&text).then(|| text.parse().ok()).flatten()
            }
            _ => self.reader.number()?.parse().ok(),
        };
        match float {
            Some(float) => Ok(CValue::Float(float)),
            None => Err(DecodeProblem::Wrong {
                tag: Tag::Float.as_str(),
                member: Member::Value.as_str(),
                expected: Tag::Float.value_is(),
            }
            .into()),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<CValue>> {
        self.elements(|decoder, _| decoder.value(depth + 1))
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(CValue, CValue)>> {
        self.elements(|decoder, _| decoder.entry(depth + 1))
    }

    fn elements<T>(&mut self, mut read: impl FnMut(&mut Self, usize) -> Result<T>) -> Result<Vec<T>> {
        self.reader.take(b'[');
        let mut elements = vec![];
        let mut more = self.reader.has_first(b']');
        while more {
            let index = elements.len();
            let element = read(self, index).map_err(|error| error.within(Step::Index(index)))?;
            elements.push(element);
            more = self.reader.has_next(b']')?;
        }
        Ok(elements)
    }

    /// A key and its value.
    fn entry(&mut self, depth: usize) -> Result<(CValue, CValue)> {
        if !self.reader.take(b'{') {
            return Err(self.not_json_or(DecodeProblem::Entry));
        }
        let (mut key, mut value) = (None, None);
        let mut more = self.reader.has_first(b'}');
        while more {
            let name = self.reader.name()?;
            let (slot, step) = match &*name {
                "key" => (&mut key, "key"),
                "value" => (&mut value, "value"),
                _ => {
                    self.reader.skip()?;
                    more = self.reader.has_next(b'}')?;
                    continue;
                }
            };
            if slot.is_some() {
                return Err(twice(&name));
            }
            let read = self.value(depth);
            *slot = Some(read.map_err(|error| error.within(Step::Member(step)))?);
            more = self.reader.has_next(b'}')?;
        }
        key.zip(value).ok_or_else(|| DecodeProblem::Entry.into())
    }

    fn fields(&mut self, depth: usize) -> Result<Fields<CValue>> {
        self.named(|decoder| decoder.value(depth + 1))
    }

    /// Any named item.
    pub(super) fn named<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Fields<T>> {
        self.reader.take(b'{');
        let mut fields = Fields::new();
        let mut more = self.reader.has_first(b'}');
        while more {
            let name = self.reader.name()?;
            let name = self.names.get(&name);
            match fields.entry(name) {
                Entry::Occupied(taken) => return Err(twice(taken.key())),
                Entry::Vacant(field) => match read(self) {
                    Ok(it) => field.insert(it),
                    Err(error) => return Err(error.within(Step::Name(field.into_key()))),
                },
            };
            more = self.reader.has_next(b'}')?;
        }
        Ok(fields)
    }
}
