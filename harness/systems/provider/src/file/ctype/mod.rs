//! Types of the provider protocol in files, and their values.
//!
//! A type is a word (`"String"`, `"List<Int>"`, `"Map<String, Float>"`, `"Optional<Boolean>"`), or a table of named
//! types, which is a record. Unions have no syntax here.

mod text;
mod value;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use squall_core::file::data::{Data, Datum};
use squall_core::file::read::{Read, Value};
use squall_core::file::report::{Problem, Problems};
use squall_value::CType;

pub(crate) use self::value::{record, value};

/// The remedy for an invalid type.
pub(crate) const REMEDY: &str = r#"types are "String", "Int", "Float", "Boolean", "List<Int>", "Map<String, Int>", "Optional<Int>", or { name = "String", ... }"#;

/// The type in `data`.
pub(crate) fn ctype(data: &Data, problems: &mut Problems) -> Option<CType> {
    match &data.datum {
        Datum::Text(text) => match text::parse(text) {
            Ok(ctype) => Some(ctype),
            Err(why) => {
                let problem = Problem::new(format!("`{text}` is not a type")).at(&data.span, why);
                problems.add(problem.help(REMEDY));
                None
            }
        },
        Datum::Table(fields) => {
            let fields: Vec<Option<_>> = fields
                .iter()
                .map(|(name, data)| Some((name.value.as_str(), ctype(data, problems)?)))
                .collect();
            fields.into_iter().collect::<Option<Vec<_>>>().map(CType::product)
        }
        other => {
            let kind = other.kind();
            let problem = Problem::new(format!("expected a type, found {kind}"));
            problems.add(problem.at(&data.span, format!("this is {kind}")).help(REMEDY));
            None
        }
    }
}

/// A type in file syntax.
pub(crate) fn written(ctype: &CType) -> String {
    match ctype {
        CType::String => "String".to_owned(),
        CType::Int => "Int".to_owned(),
        CType::Float => "Float".to_owned(),
        CType::Boolean => "Boolean".to_owned(),
        CType::List(element) => format!("List<{}>", written(element)),
        CType::Map(keys, values) => format!("Map<{}, {}>", written(keys), written(values)),
        CType::Optional(inner) => format!("Optional<{}>", written(inner)),
        CType::Product(fields) | CType::Union(fields) => {
            let fields = fields
                .iter()
                .map(|(name, ctype)| format!("{name}: {}", written(ctype)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A type as it stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct TypeData(pub(crate) Data);

impl Read for TypeData {
    const EXPECTED: &'static str = "a type";
    const REMEDY: &'static str = REMEDY;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        Data::read(value, problems).map(Self)
    }
}

impl JsonSchema for TypeData {
    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A type: a word, or a table of named types, which is a record",
            "anyOf": [{ "type": "string" }, { "type": "object" }],
            "examples": ["String", "List<Int>", "Map<String, Int>", "Optional<Float>", { "text": "String" }],
        })
    }
}
