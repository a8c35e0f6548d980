//! Registries of components, services and clients: factories by the name that files use.

mod declaration;
mod keys;
mod reader;

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::declaration::{Declaration, Setting};
pub(crate) use self::keys::of as keys_of;
pub use self::reader::SettingsError;
pub(crate) use self::reader::{Fault, Step, way};

/// Creates a `T` from settings. The error says why they are invalid.
type Make<T> = Arc<dyn Fn(&Value) -> Result<T, SettingsError> + Send + Sync>;

/// Factories of `T`, by name.
pub struct Registry<T>(IndexMap<String, Registered<T>>);

struct Registered<T> {
    make: Make<T>,
    /// The keys of its settings, if its type is a struct.
    keys: Option<&'static [&'static str]>,
    declaration: Declaration,
}

impl<T> Registry<T> {
    /// Adds a factory. It replaces one of the same name.
    pub fn register<S: DeserializeOwned>(
        &mut self,
        name: impl Into<String>,
        make: impl Fn(S) -> Result<T, String> + Send + Sync + 'static,
    ) {
        let make = move |settings: &Value| {
            let read = S::deserialize(settings);
            let read = read.map_err(|error| SettingsError::of::<S>(settings, error.to_string()))?;
            Ok(make(read)?)
        };
        let registered = Registered {
            make: Arc::new(make),
            keys: keys::of::<S>(),
            declaration: Declaration::new(),
        };
        self.0.insert(name.into(), registered);
    }

    /// Sets the declaration of this name. Does nothing if the name is unknown.
    pub fn declare(&mut self, name: &str, declaration: Declaration) {
        if let Some(registered) = self.0.get_mut(name) {
            registered.declaration = declaration;
        }
    }

    /// Its declaration.
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.0.get(name).map(|registered| &registered.declaration)
    }

    /// The valid keys of its settings. `None`: any, or the name is unknown.
    pub fn keys(&self, name: &str) -> Option<&'static [&'static str]> {
        self.0.get(name)?.keys
    }

    /// The names, in registration order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Creates the item of this name; `None` if the name is unknown.
    pub fn make(&self, name: &str, settings: &Value) -> Option<Result<T, SettingsError>> {
        Some((self.0.get(name)?.make)(settings))
    }
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Registry(IndexMap::new())
    }
}

impl<T> Clone for Registry<T> {
    fn clone(&self) -> Self {
        Registry(self.0.clone())
    }
}

impl<T> Clone for Registered<T> {
    fn clone(&self) -> Self {
        Registered {
            make: Arc::clone(&self.make),
            keys: self.keys,
            declaration: self.declaration.clone(),
        }
    }
}

impl<T> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// The settings of code without settings.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
