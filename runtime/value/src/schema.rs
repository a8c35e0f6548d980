//! Types as schemas on the wire, and back. Spec: provider 2.3, 2.14.
//!
//! Schemas have no names of variants, only positions, so a decoded type has `variant0`, `variant1` and so on.
//! [`CType::variants_in_order`] gives the position of a variant.

use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{
    ListType, MapType, OptionType, PrimitiveType, RecordType, TypeSchema, UnionType, primitive_type::Kind,
};

use crate::{CType, Fields, Limits};

/// The maximum length of a field's name in a schema, in bytes: it is in every type error.
pub const FIELD_NAME_BYTES_MAX: usize = 256;

/// Why a schema is not a type. Its author is at fault. The texts are the protocol's, except for the last three. Spec:
/// provider 2.3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A module has no schema at all.
    #[error("Missing {field}")]
    Missing {
        /// `input_schema` or `output_schema`.
        field: &'static str,
    },
    /// No member of the oneof is set.
    #[error("TypeSchema has no type set")]
    NoType,
    /// An unknown kind of primitive.
    #[error("Unrecognized primitive kind: {kind}")]
    UnknownKind {
        /// The number.
        kind: i32,
    },
    /// A part of a type is missing.
    #[error("{of} missing {part}")]
    MissingPart {
        /// The message: `ListType`.
        of: &'static str,
        /// Its field: `element_type`.
        part: &'static str,
    },
    /// A union without variants.
    #[error("UnionType must have at least one variant")]
    NoVariants,
    /// It nests deeper than [`Limits::depth_max`].
    #[error("TypeSchema is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A field of a record has a longer name than [`FIELD_NAME_BYTES_MAX`].
    #[error(
        "RecordType has a field whose name is too long: {bytes} bytes, the limit is {FIELD_NAME_BYTES_MAX}"
    )]
    LongName {
        /// Its length.
        bytes: usize,
    },
    /// It has more types than [`Limits::nodes_max`].
    #[error("TypeSchema has more than {limit} types")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl CType {
    /// The type of a module's declaration; the field is `input_schema` or `output_schema`.
    ///
    /// # Errors
    /// As [`CType::from_schema`]; and when there is no schema.
    pub fn from_declared(
        schema: Option<&TypeSchema>,
        field: &'static str,
        limits: &Limits,
    ) -> Result<Self, SchemaError> {
        let schema = schema.ok_or(SchemaError::Missing { field })?;
        CType::from_schema(schema, limits)
    }

    /// The type that a schema declares.
    ///
    /// # Errors
    /// The first one found: fields in the order of their names, a key before its value.
    pub fn from_schema(schema: &TypeSchema, limits: &Limits) -> Result<Self, SchemaError> {
        let mut converter = Converter {
            limits: *limits,
            nodes: 0,
        };
        converter.ctype(schema, 0)
    }

    /// The schema that declares this type. Names of variants are lost.
    pub fn to_schema(&self) -> TypeSchema {
        let primitive = |kind: Kind| Type::Primitive(PrimitiveType { kind: kind.into() });
        let boxed = |it: &CType| Some(Box::new(it.to_schema()));
        let schema = match self {
            CType::String => primitive(Kind::String),
            CType::Int => primitive(Kind::Int),
            CType::Float => primitive(Kind::Float),
            CType::Boolean => primitive(Kind::Bool),
            CType::Product(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, field)| (name.to_string(), field.to_schema()));
                Type::Record(RecordType {
                    fields: fields.collect(),
                })
            }
            CType::List(element) => Type::List(Box::new(ListType {
                element_type: boxed(element),
            })),
            CType::Map(keys, values) => Type::Map(Box::new(MapType {
                key_type: boxed(keys),
                value_type: boxed(values),
            })),
            CType::Union(variants) => {
                let variants = in_order(variants);
                Type::Union(UnionType {
                    variants: variants
                        .into_iter()
                        .map(|(_, variant)| variant.to_schema())
                        .collect(),
                })
            }
            CType::Optional(inner) => Type::Option(Box::new(OptionType {
                inner_type: boxed(inner),
            })),
        };
        TypeSchema { r#type: Some(schema) }
    }

    /// The variants of a union by position, as in a schema; `None` for other types. Numbers at the ends of names are
    /// compared as numbers: `variant2` comes before `variant10`.
    pub fn variants_in_order(&self) -> Vec<(&str, &CType)> {
        match self {
            CType::Union(variants) => in_order(variants),
            _ => vec![],
        }
    }
}

/// Variants by position.
pub(crate) fn in_order<T>(variants: &Fields<T>) -> Vec<(&str, &T)> {
    let mut all: Vec<_> = variants.iter().map(|(name, it)| (&**name, it)).collect();
    all.sort_by_cached_key(|(name, _)| {
        let prefix = name.trim_end_matches(|it: char| it.is_ascii_digit());
        let number = name[prefix.len()..].trim_start_matches('0');
        // Of two numbers without leading zeros the longer one is larger.
        (prefix, number.len(), number, *name)
    });
    all
}

/// The name of the variant at this position.
fn variant_name(position: usize) -> String {
    format!("variant{position}")
}

struct Converter {
    limits: Limits,
    nodes: usize,
}

impl Converter {
    fn ctype(&mut self, schema: &TypeSchema, depth: usize) -> Result<CType, SchemaError> {
        self.nodes += 1;
        let (depth_max, nodes_max) = (self.limits.depth_max, self.limits.nodes_max);
        if depth >= depth_max {
            return Err(SchemaError::TooDeep { limit: depth_max });
        }
        if self.nodes > nodes_max {
            return Err(SchemaError::TooMany { limit: nodes_max });
        }
        match schema.r#type.as_ref().ok_or(SchemaError::NoType)? {
            Type::Primitive(PrimitiveType { kind }) => match Kind::try_from(*kind) {
                Ok(Kind::String) => Ok(CType::String),
                Ok(Kind::Int) => Ok(CType::Int),
                Ok(Kind::Float) => Ok(CType::Float),
                Ok(Kind::Bool) => Ok(CType::Boolean),
                Err(_) => Err(SchemaError::UnknownKind { kind: *kind }),
            },
            Type::Record(RecordType { fields }) => {
                if let Some(name) = fields.keys().find(|name| name.len() > FIELD_NAME_BYTES_MAX) {
                    return Err(SchemaError::LongName { bytes: name.len() });
                }
                let fields = fields
                    .iter()
                    .map(|(name, field)| Ok((name.as_str(), self.ctype(field, depth + 1)?)));
                Ok(CType::product(fields.collect::<Result<Vec<_>, _>>()?))
            }
            Type::List(list) => {
                let element = self.part("ListType", "element_type", list.element_type.as_deref(), depth)?;
                Ok(CType::list(element))
            }
            Type::Map(map) => {
                let key = self.part("MapType", "key_type", map.key_type.as_deref(), depth)?;
                let value = self.part("MapType", "value_type", map.value_type.as_deref(), depth)?;
                Ok(CType::map(key, value))
            }
            Type::Union(UnionType { variants }) if variants.is_empty() => Err(SchemaError::NoVariants),
            Type::Union(UnionType { variants }) => {
                let variants = variants.iter().enumerate();
                let variants = variants
                    .map(|(position, variant)| Ok((variant_name(position), self.ctype(variant, depth + 1)?)));
                Ok(CType::union(variants.collect::<Result<Vec<_>, _>>()?))
            }
            Type::Option(option) => {
                let inner = self.part("OptionType", "inner_type", option.inner_type.as_deref(), depth)?;
                Ok(CType::optional(inner))
            }
        }
    }

    /// A type inside another one.
    fn part(
        &mut self,
        of: &'static str,
        part: &'static str,
        schema: Option<&TypeSchema>,
        depth: usize,
    ) -> Result<CType, SchemaError> {
        let schema = schema.ok_or(SchemaError::MissingPart { of, part })?;
        self.ctype(schema, depth + 1)
    }
}
