//! What a topology's nodes can run: the built-in components, and those that a test registers.

mod builtin;
mod declaration;
mod keys;
mod ports;
mod reader;
mod settings;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use squall_router::Component;

pub use declaration::{Declaration, Setting};
pub(crate) use ports::Ported;
pub use reader::SettingsError;
pub(crate) use reader::{Fault, Step, way};

/// Makes a component from its settings; the error says what is wrong with them.
type Make = Arc<dyn Fn(&Value) -> Result<Arc<dyn Component>, SettingsError> + Send + Sync>;

/// Components by the name that topologies use. A node's component is made anew each time that its host
/// starts, so its state is that of a process: gone after a kill.
#[derive(Clone)]
pub struct Components(IndexMap<String, Registered>);

#[derive(Clone)]
struct Registered {
    make: Make,
    /// The keys of its settings, where its struct names them.
    keys: Option<&'static [&'static str]>,
    declaration: Declaration,
}

impl Components {
    /// The built-in components alone.
    pub fn builtin() -> Self {
        let mut components = Components(IndexMap::new());
        builtin::register(&mut components);
        components
    }

    /// Adds a component, in place of one of that name if there is one.
    pub fn register<C, S>(
        &mut self,
        name: impl Into<String>,
        make: impl Fn(S) -> Result<C, String> + Send + Sync + 'static,
    ) where
        C: Component,
        S: DeserializeOwned,
    {
        let make = move |settings: &Value| -> Result<Arc<dyn Component>, SettingsError> {
            let read = S::deserialize(settings);
            let read = read.map_err(|error| SettingsError::of::<S>(settings, error.to_string()))?;
            Ok(Arc::new(make(read)?))
        };
        let registered = Registered {
            make: Arc::new(make),
            keys: keys::of::<S>(),
            declaration: Declaration::new(),
        };
        self.0.insert(name.into(), registered);
    }

    /// Says which ports and settings the component `name` has. Nothing happens when there is none of that name.
    pub fn declare(&mut self, name: &str, declaration: Declaration) {
        if let Some(registered) = self.0.get_mut(name) {
            registered.declaration = declaration;
        }
    }

    /// What a component says of itself.
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.0.get(name).map(|registered| &registered.declaration)
    }

    /// The keys that the settings of a component may have. Nothing: any, or there is no such component.
    pub fn keys(&self, name: &str) -> Option<&'static [&'static str]> {
        self.0.get(name)?.keys
    }

    /// The names that topologies can use.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Makes the component `name`.
    ///
    /// # Errors
    /// When there is none of that name, or its settings are wrong.
    pub fn make(&self, name: &str, settings: &Value) -> Result<Arc<dyn Component>, SettingsError> {
        let registered = self
            .0
            .get(name)
            .ok_or_else(|| SettingsError::from(format!("no component is called `{name}`")))?;
        (registered.make)(settings)
    }
}

/// The settings of a component that has none.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl std::fmt::Debug for Components {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
