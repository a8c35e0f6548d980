//! Values and types from JSON: lenient in what is read. Spec: provider 2.15.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::error::{DecodeError, DecodeProblem};
use super::number::{self, NotAnInteger};
use super::reader::Reader;
use super::recent::{Names, Recent};
use super::tagged::{Member, Tag, What};
use crate::path::Step;
use crate::{CType, CValue, Fields, Limits};

/// Errors are rare and large, and results are handed up many levels.
type Result<T> = std::result::Result<T, Box<DecodeError>>;

/// What `read` makes of all of the JSON.
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

pub(super) struct Decoder<'a> {
    reader: Reader<'a>,
    limits: Limits,
    nodes: usize,
    names: Names,
    types: Recent<'a, Arc<CType>>,
    structures: Recent<'a, Arc<Fields<CType>>>,
}

/// The members of one object with a tag, as far as they have been read.
#[derive(Default)]
struct Parts {
    value: Option<Content>,
    /// `subtype` of a list, `valuesType`, `innerType`: there is never more than one of them.
    ctype: Option<Arc<CType>>,
    keys: Option<Arc<CType>>,
    structure: Option<Arc<Fields<CType>>>,
    union_tag: Option<Arc<str>>,
}

/// A `value`.
enum Content {
    /// All of a value without other members.
    Scalar(CValue),
    Items(Vec<CValue>),
    Entries(Vec<(CValue, CValue)>),
    Fields(Fields<CValue>),
    One(Box<CValue>),
}

impl<'a> Decoder<'a> {
    fn new(text: &'a str, limits: &Limits) -> Self {
        Decoder {
            reader: Reader::new(text),
            limits: *limits,
            nodes: 0,
            names: Names::new(),
            types: Recent::new(),
            structures: Recent::new(),
        }
    }

    /// A value, inside `depth` others.
    pub(super) fn value(&mut self, depth: usize) -> Result<CValue> {
        let (tag, parts) = self.tagged(What::Value, depth)?;
        // All members are there: `tagged` has seen to it.
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

    /// A type, inside `depth` others. Values that it is the type of do not count.
    pub(super) fn ctype(&mut self, depth: usize) -> Result<Arc<CType>> {
        self.reader.peek();
        if let Some((length, known)) = self.types.find(self.reader.rest()) {
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
        // A type that was found at one depth may be found at another: only where that is no way around the limit.
        if depth == 0 {
            self.types.insert(self.reader.since(start), made.clone());
        }
        Ok(made)
    }

    /// An object with a tag, and all members that the tag must have, in any order. Others are ignored.
    fn tagged(&mut self, what: What, depth: usize) -> Result<(Tag, Parts)> {
        self.count(depth)?;
        let untagged = DecodeProblem::Untagged { what: what.as_str() };
        if !self.reader.take(b'{') {
            return Err(match self.reader.rest().is_empty() {
                true => self.reader.expected("a value").into(),
                false => self.not_json_or(untagged),
            });
        }
        let mut parts = Parts::default();
        let mut tag = None;
        // Members that came before the tag.
        let mut early = vec![];
        let mut more = self.reader.has_first(b'}');
        while more {
            let name = self.reader.name()?;
            self.reader.peek();
            match (Member::parse(&name), tag) {
                (None, _) => self.reader.skip()?,
                (Some(Member::Tag), None) => tag = Some(self.tag(what)?),
                (Some(Member::Tag), Some(_)) => return Err(twice(&name)),
                (Some(member), Some(tag)) => self.member(what, tag, member, &mut parts, depth)?,
                (Some(member), None) => {
                    early.push((member, self.reader.position()));
                    self.reader.skip_for_now()?;
                }
            }
            more = self.reader.has_next(b'}')?;
        }
        let tag = tag.ok_or(untagged)?;
        let end = self.reader.position();
        for (member, position) in early {
            self.reader.go_to(position);
            self.member(what, tag, member, &mut parts, depth)?;
        }
        self.reader.go_to(end);
        for member in tag.members(what) {
            if !parts.has(*member) {
                return Err(missing(tag, *member).into());
            }
        }
        Ok((tag, parts))
    }

    fn count(&mut self, depth: usize) -> Result<()> {
        self.nodes += 1;
        let (depth_max, nodes_max) = (self.limits.depth_max, self.limits.nodes_max);
        if depth >= depth_max {
            return Err(DecodeProblem::TooDeep { limit: depth_max }.into());
        }
        if self.nodes > nodes_max {
            return Err(DecodeProblem::TooMany { limit: nodes_max }.into());
        }
        Ok(())
    }

    /// Where there is no value that fits: `problem`, if there is JSON at all.
    fn not_json_or(&mut self, problem: DecodeProblem) -> Box<DecodeError> {
        self.reader.skip().err().unwrap_or(problem).into()
    }

    fn tag(&mut self, what: What) -> Result<Tag> {
        let problem = |name: Option<&str>| match name {
            Some(name) => DecodeProblem::UnknownTag {
                what: what.as_str(),
                tag: name.into(),
            },
            None => DecodeProblem::Untagged { what: what.as_str() },
        };
        if self.reader.peek() != b'"' {
            return Err(self.not_json_or(problem(None)));
        }
        let name = self.reader.string()?;
        Tag::parse(&name, what).ok_or_else(|| problem(Some(&name)).into())
    }

    /// Reads one member, of which the tag is known.
    fn member(
        &mut self,
        what: What,
        tag: Tag,
        member: Member,
        parts: &mut Parts,
        depth: usize,
    ) -> Result<()> {
        if !tag.members(what).contains(&member) {
            return Ok(self.reader.skip()?);
        }
        if parts.has(member) {
            return Err(twice(member.as_str()));
        }
        let read = match member {
            Member::Tag => Ok(()),
            Member::Value => self
                .content(tag, depth)
                .map(|content| parts.value = Some(content)),
            Member::UnionTag => self
                .union_tag(tag)
                .map(|union_tag| parts.union_tag = Some(union_tag)),
            Member::Structure => self
                .structure(tag, type_depth(what, depth))
                .map(|structure| parts.structure = Some(structure)),
            Member::KeysType => self
                .ctype(type_depth(what, depth))
                .map(|keys| parts.keys = Some(keys)),
            Member::Subtype | Member::ValuesType | Member::InnerType => self
                .ctype(type_depth(what, depth))
                .map(|ctype| parts.ctype = Some(ctype)),
        };
        // What the member itself is not is said with its name already.
        read.map_err(|error| match error.problem {
            DecodeProblem::Wrong { .. } if error.path.is_root() => error,
            _ => error.within(Step::Member(member.as_str())),
        })
    }

    fn wrong(&mut self, tag: Tag, member: Member, expected: &'static str) -> Box<DecodeError> {
        self.not_json_or(DecodeProblem::Wrong {
            tag: tag.as_str(),
            member: member.as_str(),
            expected,
        })
    }

    /// The `value` of a value.
    fn content(&mut self, tag: Tag, depth: usize) -> Result<Content> {
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
            (Tag::List | Tag::Seq, b'[') => self.items(depth).map(Content::Items),
            (Tag::Map, b'[') => self.entries(depth).map(Content::Entries),
            (Tag::Product, b'{') => self.fields(depth).map(Content::Fields),
            (Tag::Union | Tag::Some, _) => self.value(depth + 1).map(Box::new).map(Content::One),
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

    /// A double; what is beyond it is infinite, as in other languages.
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

    /// The types of fields or variants.
    fn structure(&mut self, tag: Tag, depth: usize) -> Result<Arc<Fields<CType>>> {
        if self.reader.peek() != b'{' {
            return Err(self.wrong(tag, Member::Structure, "an object"));
        }
        if let Some((length, known)) = self.structures.find(self.reader.rest()) {
            self.reader.go_to(self.reader.position() + length);
            return Ok(known);
        }
        let start = self.reader.position();
        let types = self.named(|decoder| decoder.ctype(depth).map(Arc::unwrap_or_clone))?;
        let structure = Arc::new(types);
        if depth == 0 {
            self.structures
                .insert(self.reader.since(start), structure.clone());
        }
        Ok(structure)
    }

    /// Anything by name.
    fn named<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Fields<T>> {
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

    fn union_tag(&mut self, tag: Tag) -> Result<Arc<str>> {
        if self.reader.peek() != b'"' {
            return Err(self.wrong(tag, Member::UnionTag, "a string"));
        }
        let name = self.reader.string()?;
        Ok(self.names.get(&name))
    }
}

impl Parts {
    fn has(&self, member: Member) -> bool {
        match member {
            Member::Tag => true,
            Member::Value => self.value.is_some(),
            Member::Subtype | Member::ValuesType | Member::InnerType => self.ctype.is_some(),
            Member::KeysType => self.keys.is_some(),
            Member::Structure => self.structure.is_some(),
            Member::UnionTag => self.union_tag.is_some(),
        }
    }
}

/// How deep the type is that is a member of something at `depth`. The depths of types count from the value on.
fn type_depth(what: What, depth: usize) -> usize {
    match what {
        What::Value => 0,
        What::Type => depth + 1,
    }
}

/// A scalar or a list without its value says what that must be, as the TypeScript SDK does.
fn missing(tag: Tag, member: Member) -> DecodeProblem {
    let is_object = tag.value_is() == "an object";
    match member {
        Member::Value if !is_object => DecodeProblem::Wrong {
            tag: tag.as_str(),
            member: member.as_str(),
            expected: tag.value_is(),
        },
        _ => DecodeProblem::Missing {
            tag: tag.as_str(),
            member: member.as_str(),
        },
    }
}

fn twice(name: &str) -> Box<DecodeError> {
    DecodeProblem::Twice { name: name.into() }.into()
}
