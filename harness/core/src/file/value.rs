//! The value types of files: quantities, ranges, host names, JSON.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::names::unknown;
use super::read::{At, Read, Value, in_file_order, wrong_type};
use super::report::{Problem, Problems};
use crate::draw::Ranged;
use crate::plan::EngineKind;
use crate::registry::Step;
use crate::units::Unit;

impl Read for String {
    const EXPECTED: &'static str = "a string";
    const REMEDY: &'static str = "put it into quotes";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.get_ref().as_str().map(str::to_owned);
        text.or_else(|| wrong_type::<Self, _>(value, problems))
    }
}

impl Read for u64 {
    const EXPECTED: &'static str = "a whole number";
    const REMEDY: &'static str = "write it without quotes, unit or point";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(integer) = value.get_ref().as_integer() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            let problem = Problem::new(format!("`{integer}` is out of range")).at(
                &value.span(),
                "expected a whole number of 0 to 18446744073709551615",
            );
            problems.add(problem);
        }
        number
    }
}

impl Read for bool {
    const EXPECTED: &'static str = "true or false";
    const REMEDY: &'static str = "write it without quotes";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let truth = value.get_ref().as_bool();
        truth.or_else(|| wrong_type::<Self, _>(value, problems))
    }
}

impl Read for f64 {
    const EXPECTED: &'static str = "a number";
    const REMEDY: &'static str = "write it without quotes, as in 0.999";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let number = match value.get_ref() {
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return wrong_type::<Self, _>(value, problems),
        };
        let finite = number.filter(|number: &f64| number.is_finite());
        if finite.is_none() {
            problems.add(Problem::new("expected a finite number").at(&value.span(), "this is not one"));
        }
        finite
    }
}

/// One quantity, the same for every seed.
#[derive(Debug, Clone, Copy)]
pub struct Exact<T>(pub T);

impl<T: Unit> Read for Exact<T> {
    const EXPECTED: &'static str = T::NAME;
    const REMEDY: &'static str = T::HELP;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        if text.contains("..") {
            let problem = Problem::new(format!("expected {}, found a range", T::NAME))
                .at(&value.span(), "the seed does not fill this in")
                .help("ranges are for what happens in a scenario: not for a topology, a limit, or an expectation");
            problems.add(problem);
            return None;
        }
        quantity(text, text, value, problems).map(Self)
    }
}

impl<T: Unit> JsonSchema for Exact<T> {
    fn schema_name() -> Cow<'static, str> {
        T::TITLE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": T::HELP,
            "type": "string",
            "pattern": format!("^{}$", T::PATTERN),
            "examples": T::EXAMPLES,
        })
    }
}

impl<T: Unit> Read for Ranged<T> {
    const EXPECTED: &'static str = T::NAME;
    const REMEDY: &'static str = T::HELP;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let Some((min, max)) = text.split_once("..") else {
            return quantity(text, text, value, problems).map(Self::exactly);
        };
        let (min, max) = (
            quantity(min, text, value, problems),
            quantity(max, text, value, problems),
        );
        let range = Self { min: min?, max: max? };
        if range.min > range.max {
            let problem = Problem::new(format!("the range \"{text}\" is the wrong way round"))
                .at(
                    &value.span(),
                    format!("{} is more than {}", range.min.say(), range.max.say()),
                )
                .help("the lower end comes first");
            problems.add(problem);
            return None;
        }
        Some(range)
    }
}

impl<T: Unit> JsonSchema for Ranged<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrRange", T::TITLE).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let range = T::EXAMPLES
            .first()
            .zip(T::EXAMPLES.get(1))
            .map(|(min, max)| format!("{min}..{max}"));
        let examples: Vec<String> = T::EXAMPLES.iter().map(ToString::to_string).chain(range).collect();
        json_schema!({
            "description": format!("{}. Of a range, \"min..max\", the seed picks one", T::HELP),
            "type": "string",
            "pattern": format!("^{0}(\\.\\.{0})?$", T::PATTERN),
            "examples": examples,
        })
    }
}

/// Parses `part` of the `text` at `value`.
fn quantity<T: Unit>(part: &str, text: &str, value: &Value<'_>, problems: &mut Problems) -> Option<T> {
    let why = match T::parse(part) {
        Ok(quantity) => return Some(quantity),
        Err(why) => why,
    };
    let label = if part == text {
        why
    } else {
        format!("`{}`: {why}", part.trim())
    };
    let problem = Problem::new(format!("`{text}` is not {}", T::NAME))
        .at(&value.span(), label)
        .help(T::HELP);
    problems.add(problem);
    None
}

/// A whole number, or a range of them. A number alone is written without quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(pub(crate) Ranged<u64>);

impl Read for Count {
    const EXPECTED: &'static str = "a whole number";
    const REMEDY: &'static str = <u64 as Unit>::HELP;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        match value.get_ref() {
            DeValue::Integer(_) => u64::read(value, problems).map(Ranged::exactly).map(Self),
            DeValue::String(text) if text.contains("..") => Ranged::read(value, problems).map(Self),
            _ => wrong_type::<Self, _>(value, problems),
        }
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "CountOrRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A whole number, or a range of them of which the seed picks one",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": format!("^{0}\\.\\.{0}$", <u64 as Unit>::PATTERN) },
            ],
            "examples": [8, "1..8"],
        })
    }
}

/// What carries the bytes, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Engine(pub(crate) EngineKind);

impl Read for Engine {
    const EXPECTED: &'static str = "an engine";
    const REMEDY: &'static str = r#"write "flow" or "turmoil""#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let engine = EngineKind::ALL.into_iter().find(|engine| engine.name() == text);
        if engine.is_none() {
            let known = EngineKind::ALL.map(EngineKind::name);
            unknown("engine", text, &value.span(), known.into_iter(), problems);
        }
        engine.map(Self)
    }
}

impl JsonSchema for Engine {
    fn schema_name() -> Cow<'static, str> {
        "Engine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": EngineKind::ALL.map(EngineKind::name) })
    }
}

/// One name, or a list of them: of hosts, of modules (all their replicas), or globs over hosts.
#[derive(Debug, Clone)]
pub struct Hosts(pub Vec<At<String>>);

impl Read for Hosts {
    const EXPECTED: &'static str = "a host, or a list of hosts";
    const REMEDY: &'static str = r#"write the names as strings: ["a", "b"]"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => At::read(value, problems).map(|name| Self(vec![name])),
            DeValue::Array(array) if array.is_empty() => {
                problems.add(
                    Problem::new("the list of hosts is empty").at(&value.span(), "expected at least one"),
                );
                None
            }
            DeValue::Array(_) => Vec::read(value, problems).map(Self),
            _ => wrong_type::<Self, _>(value, problems),
        }
    }
}

impl JsonSchema for Hosts {
    fn schema_name() -> Cow<'static, str> {
        "Hosts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Hosts: by name, by module (all its replicas), or by a glob over host names",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
            "examples": ["http-module", ["a", "b"], "worker-*"],
        })
    }
}

/// Any TOML value, as JSON.
#[derive(Debug, Clone)]
pub struct Json(pub JsonData);

impl Read for Json {
    const EXPECTED: &'static str = "a value";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        JsonData::of(value, problems).map(Self)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

/// A TOML value as JSON, with positions.
#[derive(Debug, Clone)]
pub struct JsonData {
    /// As JSON.
    pub value: serde_json::Value,
    pub(crate) span: Range<usize>,
    /// The positions of its keys, in file order; empty unless it is a table.
    pub(crate) keys: Vec<At<String>>,
    /// The position of every nested value, by path.
    pub(crate) places: Vec<(Vec<Step>, Range<usize>)>,
}

impl JsonData {
    /// Reads a table on behalf of the type `T`.
    pub(crate) fn of_table<T: Read>(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(_) => JsonData::of(value, problems),
            _ => wrong_type::<T, _>(value, problems),
        }
    }

    /// The same without a key.
    pub(crate) fn without(mut self, key: &str) -> Self {
        if let Some(object) = self.value.as_object_mut() {
            object.remove(key);
        }
        self.keys.retain(|it| it.value != key);
        self
    }

    fn of(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let key = |(key, _): (&toml::Spanned<Cow<'_, str>>, _)| At {
            value: key.get_ref().to_string(),
            span: key.span(),
        };
        let table = value.get_ref().as_table();
        let mut places = Vec::new();
        find_places(value, &mut Vec::new(), &mut places);
        Some(JsonData {
            value: json(value, problems)?,
            span: value.span(),
            keys: table.map_or_else(Vec::new, |table| {
                in_file_order(table).into_iter().map(key).collect()
            }),
            places,
        })
    }
}

/// A TOML table, as a JSON object.
#[derive(Debug, Clone)]
pub struct JsonObject(pub JsonData);

impl Read for JsonObject {
    const EXPECTED: &'static str = "a table";
    const REMEDY: &'static str = "write { key = value, ... }";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        JsonData::of_table::<Self>(value, problems).map(Self)
    }
}

/// Recursion is safe: the parser limits the nesting depth.
fn find_places(value: &Value<'_>, way: &mut Vec<Step>, places: &mut Vec<(Vec<Step>, Range<usize>)>) {
    let mut step = |step: Step, value: &Value<'_>| {
        way.push(step);
        places.push((way.clone(), value.span()));
        find_places(value, way, places);
        way.pop();
    };
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in in_file_order(table) {
                step(Step::Key(key.get_ref().to_string()), value);
            }
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                step(Step::Item(index), item);
            }
        }
        _ => {}
    }
}

impl JsonSchema for JsonObject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "JsonObject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Recursion is safe: the parser limits the nesting depth.
fn json(value: &Value<'_>, problems: &mut Problems) -> Option<serde_json::Value> {
    let mut no_json = |what: &str| {
        let problem = Problem::new(format!("{what} has no form in JSON"))
            .at(&value.span(), "this goes to components as JSON")
            .help("write it as a string");
        problems.add(problem);
        None
    };
    match value.get_ref() {
        DeValue::String(text) => Some(text.as_ref().into()),
        DeValue::Boolean(boolean) => Some((*boolean).into()),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            let signed = i64::from_str_radix(digits, radix).map(Into::into);
            let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Into::into));
            number.ok().or_else(|| no_json("an integer of more than 64 bits"))
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            number
                .map(Into::into)
                .or_else(|| no_json("a float that is not finite"))
        }
        DeValue::Datetime(_) => no_json("a date"),
        DeValue::Array(array) => {
            let items: Vec<Option<_>> = array.iter().map(|item| json(item, problems)).collect();
            items.into_iter().collect()
        }
        DeValue::Table(table) => {
            let mut entry = |(key, value): (&toml::Spanned<Cow<'_, str>>, _)| {
                Some((key.get_ref().to_string(), json(value, problems)?))
            };
            let entries: Vec<Option<_>> = in_file_order(table).into_iter().map(&mut entry).collect();
            entries
                .into_iter()
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(Into::into)
        }
    }
}
