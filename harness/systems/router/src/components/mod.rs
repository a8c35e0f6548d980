//! The components for a topology's nodes: built-in ones, and those that a test registers.

mod builtin;
mod ports;
mod settings;

use std::sync::Arc;

pub(crate) use ports::Ported;
use serde::de::DeserializeOwned;
use serde_json::Value;
use squall_core::registry::{Declaration, Registry, SettingsError};
use squall_router::Component;

/// Components by the name that topologies use. Each start of a host creates its nodes' components anew, so their state is
/// lost when the process dies.
#[derive(Clone)]
pub struct Components(Registry<Arc<dyn Component>>);

impl Components {
    /// Only the built-in components.
    pub fn builtin() -> Self {
        let mut components = Components(Registry::default());
        builtin::register(&mut components);
        components
    }

    /// Adds a component. It replaces one of the same name.
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

    /// Declares the ports and settings of the component `name`. Does nothing if the name is unknown.
    pub fn declare(&mut self, name: &str, declaration: Declaration) {
        self.0.declare(name, declaration);
    }

    /// The declaration of a component.
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.0.declaration(name)
    }

    /// The valid keys of a component's settings. `None`: any, or the name is unknown.
    pub fn keys(&self, name: &str) -> Option<&'static [&'static str]> {
        self.0.keys(name)
    }

    /// The names for topologies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// Creates the component `name`.
    ///
    /// # Errors
    /// If the name is unknown, or its settings are invalid.
    pub fn make(&self, name: &str, settings: &Value) -> Result<Arc<dyn Component>, SettingsError> {
        let none = || SettingsError::from(format!("no component is called `{name}`"));
        self.0.make(name, settings).ok_or_else(none)?
    }

    /// The components by name.
    pub fn registry(&self) -> &Registry<Arc<dyn Component>> {
        &self.0
    }
}

impl std::fmt::Debug for Components {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
