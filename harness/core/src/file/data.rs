//! TOML data whose type depends on another key. Keeps all positions until the type is known.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::DeValue;

use super::read::{At, Read, Value, in_file_order};
use super::report::{Problem, Problems};

/// Any value, with its position.
#[derive(Debug, Clone)]
pub struct Data {
    /// The value.
    pub datum: Datum,
    /// Its position.
    pub span: Range<usize>,
}

/// A value with the positions of its parts.
#[derive(Debug, Clone)]
pub enum Datum {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// A date or time.
    Date,
    /// An array.
    List(Vec<Data>),
    /// In file order.
    Table(Vec<(At<String>, Data)>),
}

impl Datum {
    /// Its type, with article.
    pub fn kind(&self) -> &'static str {
        match self {
            Datum::Text(_) => "a string",
            Datum::Integer(_) => "an integer",
            Datum::Float(_) => "a float",
            Datum::Boolean(_) => "a boolean",
            Datum::Date => "a date",
            Datum::List(_) => "a list",
            Datum::Table(_) => "a table",
        }
    }
}

/// Recursion is safe: the parser limits the nesting depth.
impl Read for Data {
    const EXPECTED: &'static str = "a value";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let span = value.span();
        let datum = match value.get_ref() {
            DeValue::String(text) => Datum::Text(text.to_string()),
            DeValue::Boolean(boolean) => Datum::Boolean(*boolean),
            DeValue::Integer(integer) => {
                let Ok(number) = i64::from_str_radix(integer.as_str(), integer.radix()) else {
                    let problem = Problem::new(format!("`{integer}` is out of range"));
                    problems.add(problem.at(&span, "expected an integer of 64 bits"));
                    return None;
                };
                Datum::Integer(number)
            }
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok();
                let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
                    problems.add(Problem::new("expected a finite number").at(&span, "this is not one"));
                    return None;
                };
                Datum::Float(number)
            }
            DeValue::Datetime(_) => Datum::Date,
            DeValue::Array(items) => {
                let items: Vec<Option<_>> = items.iter().map(|item| Data::read(item, problems)).collect();
                Datum::List(items.into_iter().collect::<Option<_>>()?)
            }
            DeValue::Table(table) => {
                let mut entry = |(key, value): (&Spanned<Cow<'_, str>>, _)| {
                    let name = At {
                        value: key.get_ref().to_string(),
                        span: key.span(),
                    };
                    Some((name, Data::read(value, problems)?))
                };
                let entries: Vec<Option<_>> = in_file_order(table).into_iter().map(&mut entry).collect();
                Datum::Table(entries.into_iter().collect::<Option<_>>()?)
            }
        };
        Some(Self { datum, span })
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

/// Data that must be a table.
#[derive(Debug, Clone)]
pub struct TableData(pub Data);

impl Read for TableData {
    const EXPECTED: &'static str = "a table";
    const REMEDY: &'static str = "write { key = value, ... }";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if !value.get_ref().is_table() {
            return super::read::wrong_type::<Self, _>(value, problems);
        }
        Data::read(value, problems).map(Self)
    }
}

impl JsonSchema for TableData {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TableData".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
