//! Locates errors in the settings of a component. serde's messages use Rust's terms and have no position: this
//! deserializer reads a value as serde_json does, and tracks the path.

use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Invalid settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The path of the error, outermost key or index first. Empty for the settings themselves.
    pub(crate) path: Vec<Step>,
    pub(crate) fault: Fault,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// An error in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Wrong type. With the expected one and its article.
    Type(String),
    /// Right type, invalid value. With what is expected.
    Range(String),
    /// An unknown variant. With the known ones.
    Word(String, &'static [&'static str]),
    /// A missing key.
    Missing(&'static str),
    /// An unknown key. With the known ones.
    UnknownKey(String, &'static [&'static str]),
    /// An error by the component itself.
    Said(String),
}

impl SettingsError {
    /// Locates the error of `settings`. `said` is its message, from [`serde_json`] or, if the settings parse, from the
    /// component itself.
    pub(crate) fn of<'de, S: de::Deserialize<'de>>(settings: &'de Value, said: String) -> Self {
        match S::deserialize(Reader(settings)) {
            Ok(_) => said.into(),
            Err(Wrong(error)) => error,
        }
    }

    fn new(fault: Fault) -> Self {
        SettingsError {
            path: Vec::new(),
            fault,
        }
    }

    fn within(mut self, step: Step) -> Self {
        self.path.insert(0, step);
        self
    }
}

impl From<String> for SettingsError {
    fn from(said: String) -> Self {
        SettingsError::new(Fault::Said(said))
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", way(&self.path))?;
        }
        match &self.fault {
            Fault::Type(wanted) | Fault::Range(wanted) => write!(f, "expected {wanted}"),
            Fault::Word(word, known) => write!(f, "`{word}` is none of {}", known.join(", ")),
            Fault::Missing(key) => write!(f, "the setting `{key}` is missing"),
            Fault::UnknownKey(key, _) => write!(f, "there is no setting `{key}`"),
            Fault::Said(said) => f.write_str(said),
        }
    }
}

impl std::error::Error for SettingsError {}

/// `routes.order`, `names[2]`.
pub(crate) fn way(path: &[Step]) -> String {
    let mut way = String::new();
    for step in path {
        match step {
            Step::Key(key) if way.is_empty() => way.push_str(key),
            Step::Key(key) => way.extend([".", key]),
            Step::Item(index) => way.extend(["[", &index.to_string(), "]"]),
        }
    }
    way
}

/// Equivalent to serde's error; the trait requires a type of our own.
#[derive(Debug)]
struct Wrong(SettingsError);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Wrong(said.to_string().into())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Wrong(SettingsError::new(Fault::Type(in_words(&expected.to_string()))))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Wrong(SettingsError::new(Fault::Range(in_words(&expected.to_string()))))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Wrong(SettingsError::new(Fault::Word(word.to_owned(), known)))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Wrong(SettingsError::new(Fault::UnknownKey(key.to_owned(), known)))
    }

    fn missing_field(key: &'static str) -> Self {
        Wrong(SettingsError::new(Fault::Missing(key)))
    }
}

/// The type that serde expects, in TOML terms.
fn in_words(expected: &str) -> String {
    let range = |min: i128, max: i128| format!("an integer from {min} to {max}");
    match expected {
        "u8" => range(0, u8::MAX.into()),
        "u16" => range(0, u16::MAX.into()),
        "u32" => range(0, u32::MAX.into()),
        "u64" | "usize" | "u128" => "an integer from 0 on".to_owned(),
        "i8" => range(i8::MIN.into(), i8::MAX.into()),
        "i16" => range(i16::MIN.into(), i16::MAX.into()),
        "i32" => range(i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" | "i128" => "an integer".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" | "an array" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "string or map" => "a word".to_owned(),
        "a character" => "a string of one character".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("enum ") || other.starts_with("variant ") => "a word".to_owned(),
        other => other.to_owned(),
    }
}

/// A value that is read.
#[derive(Clone, Copy)]
struct Reader<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, Wrong> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(boolean) => visitor.visit_bool(*boolean),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::Array(items) => {
                let mut items = Items {
                    inner: SeqDeserializer::new(items.iter().map(Reader)),
                    index: 0,
                };
                let value = visitor.visit_seq(&mut items)?;
                items.inner.end()?;
                Ok(value)
            }
            Value::Object(fields) => {
                let mut fields = Fields {
                    inner: MapDeserializer::new(
                        fields
                            .iter()
                            .map(|(key, value)| (BorrowedStrDeserializer::new(key), Reader(value))),
                    ),
                    keys: fields.keys(),
                    key: "",
                };
                let value = visitor.visit_map(&mut fields)?;
                fields.inner.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            // A variant with data: errors within it have no path.
            Value::Object(_) => {
                let read = self.0.deserialize_enum(name, variants, visitor);
                read.map_err(de::Error::custom)
            }
            _ => Err(Wrong(SettingsError::new(Fault::Type("a word".to_owned())))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<I> {
    inner: I,
    index: usize,
}

impl<'de, I: SeqAccess<'de, Error = Wrong>> SeqAccess<'de> for &mut Items<I> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let index = self.index;
        self.index += 1;
        let item = self.inner.next_element_seed(seed);
        item.map_err(|Wrong(error)| Wrong(error.within(Step::Item(index))))
    }
}

struct Fields<'de, I, K> {
    inner: I,
    keys: K,
    /// The last one.
    key: &'de str,
}

impl<'de, I, K> MapAccess<'de> for &mut Fields<'de, I, K>
where
    I: MapAccess<'de, Error = Wrong>,
    K: Iterator<Item = &'de String>,
{
    type Error = Wrong;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        self.key = self.keys.next().map_or("", String::as_str);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let value = self.inner.next_value_seed(seed);
        value.map_err(|Wrong(error)| Wrong(error.within(Step::Key(self.key.to_owned()))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read is of interest")]
    struct Settings {
        marks: u8,
        names: Option<Vec<String>>,
        #[serde(default)]
        routes: BTreeMap<String, Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Loud,
        Soft,
    }

    fn error(settings: Value) -> SettingsError {
        let said = Settings::deserialize(&settings).expect_err("wrong").to_string();
        SettingsError::of::<Settings>(&settings, said)
    }

    #[test]
    fn what_is_wrong_is_found_with_the_way_to_it() {
        let byte = "an integer from 0 to 255".to_owned();
        for (settings, way_to, fault) in [
            (json!({ "marks": "x" }), "marks", Fault::Type(byte.clone())),
            (json!({ "marks": 256 }), "marks", Fault::Range(byte.clone())),
            (json!({ "marks": -1 }), "marks", Fault::Range(byte)),
            (
                json!({ "marks": 1, "names": 2 }),
                "names",
                Fault::Type("a list".to_owned()),
            ),
            (
                json!({ "marks": 1, "names": ["a", 2] }),
                "names[1]",
                Fault::Type("a string".to_owned()),
            ),
            (
                json!({ "routes": { "a": 1 } }),
                "routes.a",
                Fault::Type("a word".to_owned()),
            ),
            (
                json!({ "routes": { "a": "lowd" } }),
                "routes.a",
                Fault::Word("lowd".to_owned(), &["loud", "soft"]),
            ),
            (json!({}), "", Fault::Missing("marks")),
            (
                json!({ "mark": 1 }),
                "",
                Fault::UnknownKey("mark".to_owned(), &["marks", "names", "routes"]),
            ),
        ] {
            let error = error(settings);
            assert_eq!((way(&error.path).as_str(), &error.fault), (way_to, &fault));
        }
    }

    #[test]
    fn what_the_component_itself_says_stays() {
        let settings = json!({ "marks": 1, "routes": { "a": "loud" } });
        let error = SettingsError::of::<Settings>(&settings, "one mark is not enough".to_owned());
        assert_eq!(error, "one mark is not enough".to_owned().into());
        assert_eq!(error.to_string(), "one mark is not enough");
    }
}
