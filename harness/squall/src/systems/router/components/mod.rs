//! What a topology's nodes can run: the built-in components, and those that a test registers.

mod builtin;
mod ports;
mod settings;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use squall_router::Component;

pub(crate) use ports::Ported;

use crate::registry::{Declaration, Registry, SettingsError};

/// Components by the name that topologies use. A node's component is made anew each time that its host
/// starts, so its state is that of a process: gone after a kill.
#[derive(Clone)]
pub struct Components(Registry<Arc<dyn Component>>);

impl Components {
    /// The built-in components alone.
    pub fn builtin() -> Self {
        let mut components = Components(Registry::default());
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
        self.0.register(name, move |settings| {
            Ok(Arc::new(make(settings)?) as Arc<dyn Component>)
        });
    }

    /// Says which ports and settings the component `name` has. Nothing happens when there is none of that name.
    pub fn declare(&mut self, name: &str, declaration: Declaration) {
        self.0.declare(name, declaration);
    }

    /// What a component says of itself.
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.0.declaration(name)
    }

    /// The keys that the settings of a component may have. Nothing: any, or there is no such component.
    pub fn keys(&self, name: &str) -> Option<&'static [&'static str]> {
        self.0.keys(name)
    }

    /// The names that topologies can use.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// Makes the component `name`.
    ///
    /// # Errors
    /// When there is none of that name, or its settings are wrong.
    pub fn make(&self, name: &str, settings: &Value) -> Result<Arc<dyn Component>, SettingsError> {
        let none = || SettingsError::from(format!("no component is called `{name}`"));
        self.0.make(name, settings).ok_or_else(none)?
    }

    pub(crate) fn registry(&self) -> &Registry<Arc<dyn Component>> {
        &self.0
    }
}

impl std::fmt::Debug for Components {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
