//! Reads a TOML document into structs, and continues after a mistake, so that all mistakes are reported at once.
//!
//! serde stops at the first error and does not know the position of an unknown key, so it is not used here.
//! [`tables!`] generates the struct, its reader, its keys and its JSON Schema from one declaration, so that they cannot
//! diverge.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest;
use super::report::{Problem, Problems};

/// A TOML value with its position.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// A type that can be read from a TOML value.
pub trait Read: Sized {
    /// What is expected, to follow the word "expected".
    const EXPECTED: &'static str;

    /// The remedy for a value of the wrong type.
    const REMEDY: &'static str = "";

    /// `None` if the value is invalid; a problem was then added.
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self>;

    /// The value of an absent key. `None` if the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// Adds the problem that `value` has the wrong type for a `T`. Always `None`.
pub fn wrong_type<T: Read, R>(value: &Value<'_>, problems: &mut Problems) -> Option<R> {
    let found = with_article(value.get_ref());
    let problem = Problem::new(format!("expected {}, found {found}", T::EXPECTED))
        .at(&value.span(), format!("this is {found}"));
    problems.add(if T::REMEDY.is_empty() {
        problem
    } else {
        problem.help(T::REMEDY)
    });
    None
}

fn with_article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A value with its position in the file.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its position.
    pub span: Range<usize>,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read> Read for At<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const REMEDY: &'static str = T::REMEDY;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        Some(Self {
            value: T::read(value, problems)?,
            span: value.span(),
        })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Read> Read for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        T::read(value, problems).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(array) = value.get_ref().as_array() else {
            let problem = Problem::new(format!(
                "expected a list, found {}",
                with_article(value.get_ref())
            ))
            .at(&value.span(), format!("each item of the list is {}", T::EXPECTED));
            problems.add(if value.get_ref().is_table() {
                problem.help("a table that may occur several times has double brackets: [[name]]")
            } else {
                problem.help("put it into brackets: [ ... ]")
            });
            return None;
        };
        let items: Vec<Option<T>> = array.iter().map(|item| T::read(item, problems)).collect();
        items.into_iter().collect()
    }
}

/// A table whose keys are names chosen by the user. In file order.
#[derive(Debug, Clone)]
pub struct Named<T>(pub Vec<(At<String>, At<T>)>);

impl<T: Read> Read for Named<T> {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let mut read = |(key, value): (&Spanned<Cow<'_, str>>, _)| {
            let name = At {
                value: key.get_ref().to_string(),
                span: key.span(),
            };
            Some((name, At::<T>::read(value, problems)?))
        };
        let entries: Vec<Option<_>> = in_file_order(table).into_iter().map(&mut read).collect();
        entries.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<T>(),
            "propertyNames": { "pattern": super::names::NAME_PATTERN },
        })
    }
}

/// The parser sorts keys, but the order in the file is meaningful to users.
pub(crate) fn in_file_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<Cow<'i, str>>, &'a Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A table with known keys.
pub struct Table<'a, 'i> {
    name: &'static str,
    span: Range<usize>,
    table: &'a DeTable<'i>,
    /// Common mistakes: keys that were probably meant.
    misspelt: Vec<String>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// Adds a problem for every key that is not one of `keys`.
    pub fn open(
        name: &'static str,
        keys: &[&str],
        value: &'a Value<'i>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            let found = with_article(value.get_ref());
            let problem = Problem::new(format!("expected a table, found {found}"))
                .at(&value.span(), format!("this is {found}"))
                .help(format!(
                    "{name} takes {}: write {{ key = value, ... }}",
                    keys.join(", ")
                ));
            problems.add(problem);
            return None;
        };
        // Keys of a harness are read by `WithCustom`.
        let custom = problems.extra().keys_of(name);
        let keys = &[keys, &custom].concat()[..];
        let mut misspelt = Vec::new();
        for (key, _) in in_file_order(table) {
            if keys.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let meant = nearest(key.get_ref(), keys.iter().copied());
            problems.add_unknown_key(unknown_key(name, keys, key, meant));
            misspelt.extend(meant.map(str::to_owned));
        }
        Some(Self {
            name,
            span: value.span(),
            table,
            misspelt,
        })
    }

    /// The value at `key`, if present.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value<'i>> {
        let named = self.table.iter().find(|(name, _)| name.get_ref() == key);
        named.map(|(_, value)| value)
    }

    /// The value of `key`, or its default.
    pub fn take<T: Read>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        if let Some(value) = self.value(key) {
            return T::read(value, problems);
        }
        let absent = T::absent();
        if absent.is_none() && !self.misspelt.iter().any(|meant| meant == key) {
            let problem = Problem::new(format!("{} lacks the key `{key}`", self.name))
                .at(&self.span, format!("`{key}` is missing here"))
                .help(format!("add `{key}`: {}", T::EXPECTED));
            problems.add(problem);
        }
        absent
    }
}

fn unknown_key(table: &str, keys: &[&str], key: &Spanned<Cow<'_, str>>, meant: Option<&str>) -> Problem {
    let problem =
        Problem::new(format!("unknown key `{}` in {table}", key.get_ref())).at(&key.span(), "not known here");
    let taken = format!("{table} takes {}", keys.join(", "));
    problem.help(match meant {
        Some(name) => format!("did you mean `{name}`? {taken}"),
        None => taken,
    })
}

/// A table type with known keys.
pub trait Keyed: Sized {
    /// The keys. One that is a Rust keyword is written `r#for`: see [`key`].
    const KEYS: &'static [&'static str];

    /// Reads them from a table that may have other keys.
    fn take(table: &Table<'_, '_>, problems: &mut Problems) -> Option<Self>;
}

/// Strips the prefix of a raw identifier: `r#for`.
pub fn key(field: &'static str) -> &'static str {
    field.trim_start_matches("r#")
}

/// Declares tables with known keys. The string is the table's name in messages; the doc comments are the
/// descriptions in the schema.
#[macro_export]
macro_rules! tables {
    ($(
        $(#[$meta:meta])*
        $visible:vis $name:ident $(<$parameter:ident>)? ($place:literal) {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty, )*
        }
    )*) => { $(
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$meta])*
        $visible struct $name $(<$parameter>)? {
            $( $(#[$field_meta])* $visible $field: $type, )*
        }

        impl $(<$parameter: $crate::file::read::Read>)? $crate::file::read::Keyed for $name $(<$parameter>)? {
            const KEYS: &[&str] = &[$( stringify!($field) ),*];

            fn take(
                table: &$crate::file::read::Table<'_, '_>,
                problems: &mut $crate::file::report::Problems,
            ) -> Option<Self> {
                $( let $field = table.take($crate::file::read::key(stringify!($field)), problems); )*
                Some(Self { $( $field: $field?, )* })
            }
        }

        impl $(<$parameter: $crate::file::read::Read>)? $crate::file::read::Read for $name $(<$parameter>)? {
            const EXPECTED: &'static str = "a table";

            fn read(
                value: &$crate::file::read::Value<'_>,
                problems: &mut $crate::file::report::Problems,
            ) -> Option<Self> {
                let keys = [$( $crate::file::read::key(stringify!($field)) ),*];
                let table = $crate::file::read::Table::open($place, &keys, value, problems)?;
                $crate::file::read::Keyed::take(&table, problems)
            }
        }
    )* };
}
pub use crate::tables;
