//! The types of values.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Named fields, sorted by name: protobuf does not keep the order of a declaration, so this is the only order that
/// both ends can agree on. Spec: provider section 6, point 16.
pub type Fields<T> = BTreeMap<Arc<str>, T>;

/// A type. The names are the protocol's. Spec: provider 2.14.
///
/// Clones are cheap: the contents of a type are shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CType {
    /// Text.
    String,
    /// A signed integer of 64 bits.
    Int,
    /// A double.
    Float,
    /// True or false.
    Boolean,
    /// A record.
    Product(Arc<Fields<CType>>),
    /// Any number of values of one type. A `CSeq` is decoded as one, and never encoded.
    List(Arc<CType>),
    /// Keys and values, in any order, with keys of any type.
    Map(Arc<CType>, Arc<CType>),
    /// One of several types, by tag.
    Union(Arc<Fields<CType>>),
    /// A value of that type, or none.
    Optional(Arc<CType>),
}

impl CType {
    /// A record of these fields.
    pub fn product<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, CType)>) -> Self {
        CType::Product(Arc::new(named(fields)))
    }

    /// A union of these variants.
    pub fn union<N: Into<Arc<str>>>(variants: impl IntoIterator<Item = (N, CType)>) -> Self {
        CType::Union(Arc::new(named(variants)))
    }

    /// A list.
    pub fn list(element: CType) -> Self {
        CType::List(Arc::new(element))
    }

    /// A map.
    pub fn map(key: CType, value: CType) -> Self {
        CType::Map(Arc::new(key), Arc::new(value))
    }

    /// An optional value.
    pub fn optional(inner: CType) -> Self {
        CType::Optional(Arc::new(inner))
    }
}

fn named<N: Into<Arc<str>>, T>(fields: impl IntoIterator<Item = (N, T)>) -> Fields<T> {
    fields
        .into_iter()
        .map(|(name, field)| (name.into(), field))
        .collect()
}
