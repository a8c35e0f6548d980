//! The tags, and their members. Spec: provider 2.14, 2.15.

/// The kind of an object with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Value,
    Type,
}

impl What {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            What::Value => "CValue",
            What::Type => "CType",
        }
    }
}

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    String,
    Int,
    Float,
    Boolean,
    List,
    /// A list that streams, in Scala.
    Seq,
    Map,
    Product,
    Union,
    Some,
    None,
    Optional,
}

impl Tag {
    /// The tag of this name, if it is valid for `what`.
    pub(super) fn parse(name: &str, what: What) -> Option<Self> {
        let tag = match name {
            "CString" => Tag::String,
            "CInt" => Tag::Int,
            "CFloat" => Tag::Float,
            "CBoolean" => Tag::Boolean,
            "CList" => Tag::List,
            "CSeq" => Tag::Seq,
            "CMap" => Tag::Map,
            "CProduct" => Tag::Product,
            "CUnion" => Tag::Union,
            "CSome" if what == What::Value => Tag::Some,
            "CNone" if what == What::Value => Tag::None,
            "COptional" if what == What::Type => Tag::Optional,
            _ => return None,
        };
        Some(tag)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Tag::String => "CString",
            Tag::Int => "CInt",
            Tag::Float => "CFloat",
            Tag::Boolean => "CBoolean",
            Tag::List => "CList",
            Tag::Seq => "CSeq",
            Tag::Map => "CMap",
            Tag::Product => "CProduct",
            Tag::Union => "CUnion",
            Tag::Some => "CSome",
            Tag::None => "CNone",
            Tag::Optional => "COptional",
        }
    }

    /// The required members of this tag, beside itself.
    pub(super) fn members(self, what: What) -> &'static [Member] {
        use Member::{InnerType, KeysType, Structure, Subtype, UnionTag, Value, ValuesType};
        match (what, self) {
            (What::Value, Tag::List | Tag::Seq) => &[Value, Subtype],
            (What::Value, Tag::Map) => &[Value, KeysType, ValuesType],
            (What::Value, Tag::Product) => &[Value, Structure],
            (What::Value, Tag::Union) => &[Value, Structure, UnionTag],
            (What::Value, Tag::Some) => &[Value, InnerType],
            (What::Value, Tag::None) => &[InnerType],
            (What::Value, _) => &[Value],
            (What::Type, Tag::List | Tag::Seq) => &[ValuesType],
            (What::Type, Tag::Map) => &[KeysType, ValuesType],
            (What::Type, Tag::Product | Tag::Union) => &[Structure],
            (What::Type, Tag::Optional) => &[InnerType],
            (What::Type, _) => &[],
        }
    }

    /// The expected type of its `value`.
    pub(super) fn value_is(self) -> &'static str {
        match self {
            Tag::String => "a string",
            Tag::Int | Tag::Float => "a number",
            Tag::Boolean => "a boolean",
            Tag::List | Tag::Seq | Tag::Map => "an array",
            Tag::Product | Tag::Union | Tag::Some | Tag::None | Tag::Optional => "an object",
        }
    }
}

/// A member of an object with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Tag,
    Value,
    Subtype,
    KeysType,
    ValuesType,
    Structure,
    UnionTag,
    InnerType,
}

impl Member {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let member = match name {
            "tag" => Member::Tag,
            "value" => Member::Value,
            "subtype" => Member::Subtype,
            "keysType" => Member::KeysType,
            "valuesType" => Member::ValuesType,
            "structure" => Member::Structure,
            "unionTag" => Member::UnionTag,
            "innerType" => Member::InnerType,
            _ => return None,
        };
        Some(member)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Member::Tag => "tag",
            Member::Value => "value",
            Member::Subtype => "subtype",
            Member::KeysType => "keysType",
            Member::ValuesType => "valuesType",
            Member::Structure => "structure",
            Member::UnionTag => "unionTag",
            Member::InnerType => "innerType",
        }
    }
}
