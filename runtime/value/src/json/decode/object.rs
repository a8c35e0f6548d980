//! Objects with a tag, with members in any order.

use std::sync::Arc;

use super::content::Content;
use super::{Decoder, Result};
use crate::json::error::{DecodeError, DecodeProblem};
use crate::json::tags::{Member, Tag, What};
use crate::path::Step;
use crate::{CType, Fields};

/// The members of an object with a tag that have been read so far.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) value: Option<Content>,
    /// `subtype` of a list, `valuesType`, `innerType`: an object has at most one of them.
    pub(super) ctype: Option<Arc<CType>>,
    pub(super) keys: Option<Arc<CType>>,
    pub(super) structure: Option<Arc<Fields<CType>>>,
    pub(super) union_tag: Option<Arc<str>>,
}

impl Decoder<'_> {
    /// An object with a tag, and all members that the tag requires, in any order. Others are ignored.
    pub(super) fn tagged(&mut self, what: What, depth: usize) -> Result<(Tag, Parts)> {
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
        // Members before the tag.
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

    /// For a place without a valid value: returns `problem`, if there is valid JSON.
    pub(super) fn not_json_or(&mut self, problem: DecodeProblem) -> Box<DecodeError> {
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

    /// Reads one member; the tag is known.
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
        // The path is only for errors inside a member: an error about the member itself includes its name.
        let inside = |error: Box<DecodeError>| error.within(Step::Member(member.as_str()));
        let type_depth = type_depth(what, depth);
        match member {
            Member::Tag => {}
            Member::Value => parts.value = Some(self.content(tag, depth)?),
            Member::UnionTag => parts.union_tag = Some(self.union_tag(tag)?),
            Member::Structure => parts.structure = Some(self.structure(tag, type_depth.max(1))?),
            Member::KeysType => parts.keys = Some(self.ctype(type_depth).map_err(inside)?),
            Member::Subtype | Member::ValuesType | Member::InnerType => {
                parts.ctype = Some(self.ctype(type_depth).map_err(inside)?);
            }
        }
        Ok(())
    }

    pub(super) fn wrong(&mut self, tag: Tag, member: Member, expected: &'static str) -> Box<DecodeError> {
        self.not_json_or(DecodeProblem::Wrong {
            tag: tag.as_str(),
            member: member.as_str(),
            expected,
        })
    }

    /// The types of fields or variants, nested in `depth` types including their owner.
    fn structure(&mut self, tag: Tag, depth: usize) -> Result<Arc<Fields<CType>>> {
        if self.reader.peek() != b'{' {
            return Err(self.wrong(tag, Member::Structure, "an object"));
        }
        // As with types: only at the same depth.
        let is_outermost = depth == 1;
        if is_outermost && let Some((length, known)) = self.structures.find(self.reader.rest()) {
            self.reader.go_to(self.reader.position() + length);
            return Ok(known);
        }
        let start = self.reader.position();
        let types = self
            .named(|decoder| decoder.ctype(depth).map(Arc::unwrap_or_clone))
            .map_err(|error| error.within(Step::Member(Member::Structure.as_str())))?;
        let structure = Arc::new(types);
        if is_outermost {
            let text = self.reader.since(start);
            self.structures.insert(text, structure.clone());
        }
        Ok(structure)
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

/// The depth of a type in a member of something at `depth`. The depths of types count from the value on.
fn type_depth(what: What, depth: usize) -> usize {
    match what {
        What::Value => 0,
        What::Type => depth + 1,
    }
}

/// The error for a scalar or a list without a value names the expected type, as the TypeScript SDK does.
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

pub(super) fn twice(name: &str) -> Box<DecodeError> {
    DecodeProblem::Twice { name: name.into() }.into()
}
