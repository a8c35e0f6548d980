//! Table keys that are registered in lists, with the type of their value, so that systems can add keys.

use std::any::Any;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::read::{At, Read, Table, Value};
use super::report::Problems;

/// A registered key.
#[derive(Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Its description in the schema.
    pub(crate) about: &'static str,
    read: fn(&Value<'_>, &mut Problems) -> Option<Arc<dyn Said>>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A parsed value of any type.
trait Said: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Said for T {}

impl Key {
    /// An optional key whose value is a `T`.
    pub const fn of<T>(name: &'static str, about: &'static str) -> Self
    where
        T: Read + JsonSchema + Debug + Send + Sync + 'static,
    {
        Key {
            name,
            about,
            read: |value, problems| Some(Arc::new(At::<T>::read(value, problems)?)),
            schema: |generator| generator.subschema_for::<Option<At<T>>>(),
        }
    }
}

/// The registered keys in one table of a file, in registration order.
#[derive(Debug, Clone)]
pub struct Given(Vec<One>);

#[derive(Debug, Clone)]
struct One {
    key: &'static str,
    span: Range<usize>,
    said: Arc<dyn Said>,
}

impl Given {
    /// Reads those of these keys that are present.
    pub(crate) fn take<'k>(
        keys: impl Iterator<Item = &'k Key>,
        table: &Table<'_, '_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut one = |key: &Key| {
            let value = table.value(key.name)?;
            let said = (key.read)(value, problems);
            Some(said.map(|said| One {
                key: key.name,
                span: value.span(),
                said,
            }))
        };
        let all: Vec<Option<One>> = keys.filter_map(&mut one).collect();
        all.into_iter().collect::<Option<_>>().map(Given)
    }

    /// The position of a key's value, if present.
    pub fn span(&self, key: &str) -> Option<&Range<usize>> {
        self.one(key).map(|one| &one.span)
    }

    /// The value of a key of type `T`, if present.
    pub fn get<T: 'static>(&self, key: &str) -> Option<&At<T>> {
        let said: &dyn Any = &*self.one(key)?.said;
        Some(
            said.downcast_ref()
                .expect("it is asked for as what its list reads it into"),
        )
    }

    /// The present keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|one| one.key)
    }

    fn one(&self, key: &str) -> Option<&One> {
        self.0.iter().find(|one| one.key == key)
    }
}

/// Appends keys to the schema of a table.
pub(crate) fn add_keys<'k>(
    schema: &mut Schema,
    keys: impl Iterator<Item = &'k Key>,
    generator: &mut SchemaGenerator,
) {
    for key in keys {
        add_key(schema, key, key.about, generator);
    }
}

/// Adds a key with this schema.
pub(crate) fn add_key(schema: &mut Schema, key: &Key, about: &str, generator: &mut SchemaGenerator) {
    let mut own = (key.schema)(generator);
    own.insert("description".to_owned(), about.into());
    add_property(schema, key.name, own.to_value());
}

/// A table's schema without its keys.
pub(crate) fn without_properties(mut schema: Schema) -> Schema {
    schema.insert("properties".to_owned(), serde_json::json!({}));
    schema
}

/// Adds the keys of another table.
pub(crate) fn add_properties(schema: &mut Schema, other: &Schema) {
    let properties = other.get("properties").and_then(serde_json::Value::as_object);
    for (key, own) in properties.into_iter().flatten() {
        add_property(schema, key, own.clone());
    }
}

fn add_property(schema: &mut Schema, key: &str, own: serde_json::Value) {
    let properties = schema.ensure_object().get_mut("properties");
    if let Some(properties) = properties.and_then(|it| it.as_object_mut()) {
        properties.insert(key.to_owned(), own);
    }
}
