//! Keys of a table that are in lists: each is a line there, with what it is read into. Systems add theirs so.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::read::{At, Read, Table, Value};
use super::report::Problems;

/// A key, as files meet it.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it says, in the schema.
    pub(crate) about: &'static str,
    read: fn(&Value<'_>, &mut Problems) -> Option<Arc<dyn Said>>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

/// What was read, whatever it is.
trait Said: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Said for T {}

impl Key {
    /// A key that is read as a `T`. A table need not have it.
    pub(crate) const fn of<T>(name: &'static str, about: &'static str) -> Self
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

/// What a file's table has of such keys, in the order of their lists.
#[derive(Debug, Clone)]
pub(crate) struct Given(Vec<One>);

#[derive(Debug, Clone)]
struct One {
    key: &'static str,
    said: Arc<dyn Said>,
}

impl Given {
    /// Reads those of these keys that are there.
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
                said,
            }))
        };
        let all: Vec<Option<One>> = keys.filter_map(&mut one).collect();
        all.into_iter().collect::<Option<_>>().map(Given)
    }

    /// What a key of that type says, if it is there.
    pub(crate) fn get<T: 'static>(&self, key: &str) -> Option<&At<T>> {
        let said: &dyn Any = &*self.one(key)?.said;
        said.downcast_ref()
    }

    fn one(&self, key: &str) -> Option<&One> {
        self.0.iter().find(|one| one.key == key)
    }
}

/// Adds keys to the schema of a table, after those that it has.
pub(crate) fn add_keys<'k>(
    schema: &mut Schema,
    keys: impl Iterator<Item = &'k Key>,
    generator: &mut SchemaGenerator,
) {
    for key in keys {
        let mut own = (key.schema)(generator);
        own.insert("description".to_owned(), key.about.into());
        let properties = schema.ensure_object().get_mut("properties");
        if let Some(properties) = properties.and_then(|it| it.as_object_mut()) {
            properties.insert(key.name.to_owned(), own.to_value());
        }
    }
}
