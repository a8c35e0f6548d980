//! A value, which carries its type.

use std::sync::Arc;

use crate::{CType, Fields};

/// A value. The names are the protocol's. Spec: provider 2.15.
///
/// Two values are equal when they have the same meaning; `NaN` is not equal to itself.
#[derive(Debug, Clone, PartialEq)]
pub enum CValue {
    /// Text.
    String(Arc<str>),
    /// A signed integer of 64 bits.
    Int(i64),
    /// A double.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A record.
    Product {
        /// The fields.
        value: Fields<CValue>,
        /// Their types.
        structure: Arc<Fields<CType>>,
    },
    /// Any number of values.
    List {
        /// The values.
        value: Vec<CValue>,
        /// Their type.
        subtype: Arc<CType>,
    },
    /// Keys and values. Duplicate keys are kept, in order.
    Map {
        /// The pairs.
        value: Vec<(CValue, CValue)>,
        /// The type of all keys.
        keys: Arc<CType>,
        /// The type of all values.
        values: Arc<CType>,
    },
    /// A variant of a union.
    Union {
        /// The value.
        value: Box<CValue>,
        /// The types of all variants.
        structure: Arc<Fields<CType>>,
        /// The tag of the variant.
        tag: Arc<str>,
    },
    /// A present optional value.
    Some {
        /// The value.
        value: Box<CValue>,
        /// Its type.
        inner: Arc<CType>,
    },
    /// An absent optional value.
    None {
        /// The type of the value if it were present.
        inner: Arc<CType>,
    },
}

impl CValue {
    /// Text.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        CValue::String(text.into())
    }

    /// A record whose structure is derived from its values.
    pub fn product<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, CValue)>) -> Self {
        let value: Fields<CValue> = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        let structure = value
            .iter()
            .map(|(name, value)| (name.clone(), value.ctype()))
            .collect();
        CValue::Product {
            value,
            structure: Arc::new(structure),
        }
    }

    /// A list of values of this type.
    pub fn list(subtype: CType, value: impl IntoIterator<Item = CValue>) -> Self {
        CValue::List {
            value: value.into_iter().collect(),
            subtype: Arc::new(subtype),
        }
    }

    /// A map with keys and values of these types.
    pub fn map(keys: CType, values: CType, value: impl IntoIterator<Item = (CValue, CValue)>) -> Self {
        CValue::Map {
            value: value.into_iter().collect(),
            keys: Arc::new(keys),
            values: Arc::new(values),
        }
    }

    /// A value of a union with these variants, with this tag.
    pub fn union<N: Into<Arc<str>>>(
        tag: impl Into<Arc<str>>,
        value: CValue,
        variants: impl IntoIterator<Item = (N, CType)>,
    ) -> Self {
        let variants = variants.into_iter().map(|(name, it)| (name.into(), it));
        CValue::Union {
            value: Box::new(value),
            structure: Arc::new(variants.collect()),
            tag: tag.into(),
        }
    }

    /// A present optional value.
    pub fn some(value: CValue) -> Self {
        CValue::Some {
            inner: Arc::new(value.ctype()),
            value: Box::new(value),
        }
    }

    /// An absent optional value of this type.
    pub fn none(inner: CType) -> Self {
        CValue::None {
            inner: Arc::new(inner),
        }
    }

    /// The field of a record; `None` when it is missing, or this is not a record.
    pub fn field(&self, name: &str) -> Option<&CValue> {
        match self {
            CValue::Product { value, .. } => value.get(name),
            _ => None,
        }
    }

    /// Its type, from its own type information: its contents are not visited.
    pub fn ctype(&self) -> CType {
        match self {
            CValue::String(_) => CType::String,
            CValue::Int(_) => CType::Int,
            CValue::Float(_) => CType::Float,
            CValue::Boolean(_) => CType::Boolean,
            CValue::Product { structure, .. } => CType::Product(structure.clone()),
            CValue::List { subtype, .. } => CType::List(subtype.clone()),
            CValue::Map { keys, values, .. } => CType::Map(keys.clone(), values.clone()),
            CValue::Union { structure, .. } => CType::Union(structure.clone()),
            CValue::Some { inner, .. } | CValue::None { inner } => CType::Optional(inner.clone()),
        }
    }
}
