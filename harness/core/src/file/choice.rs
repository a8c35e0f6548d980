//! Enumerations: values that are one of a few words.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::names::unknown;
use super::read::{Read, Value, wrong_type};
use super::report::Problems;

/// A type whose values are words.
pub trait Choice: Copy + 'static {
    /// Its name, without article.
    const WHAT: &'static str;
    /// Its name with article.
    const EXPECTED: &'static str;
    /// The remedy for an invalid word.
    const REMEDY: &'static str;
    /// Its name in a schema.
    const TITLE: &'static str;
    /// Every word with its value.
    const WORDS: &'static [(&'static str, Self)];
}

/// One of the words of `T`.
#[derive(Debug, Clone, Copy)]
pub struct Word<T>(pub T);

impl<T: Choice> Read for Word<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const REMEDY: &'static str = T::REMEDY;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let meant = T::WORDS.iter().find(|(word, _)| *word == text);
        if meant.is_none() {
            let known = T::WORDS.iter().map(|(word, _)| *word);
            unknown(T::WHAT, text, &value.span(), known, problems);
        }
        meant.map(|(_, meant)| Self(*meant))
    }
}

impl<T: Choice> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::TITLE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}
