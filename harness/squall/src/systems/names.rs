//! The names that the built-in systems know: components, services and clients.

use std::fmt;
use std::sync::Arc;

use super::LISTS;
use super::router::file::OfComponents;
use super::service::file::{OfClients, OfServices};
use crate::custom::Kinds;
use crate::file::ComponentNames;
use crate::file::names::Catalogue;
use crate::registry::SettingsError;
use crate::systems::router::components::Components;
use crate::systems::service::ServiceCode;

impl ComponentNames {
    /// The built-in components. Only the keys of their settings are checked.
    pub fn built_in() -> Self {
        Self::of(&Components::builtin())
    }

    /// These components. Only the keys of their settings are checked.
    pub fn of(components: &Components) -> Self {
        Self::none(Arc::new(Kinds::of(&LISTS)))
            .knowing::<OfComponents>(Catalogue::of(components.registry()))
            .knowing::<OfServices>(Catalogue::of(ServiceCode::builtin().services()))
    }

    /// Everything in a harness, with settings checked by parsing them.
    pub(crate) fn of_all(components: &Components, services: &ServiceCode, kinds: &Kinds) -> Self {
        Self::none(Arc::new(kinds.clone()))
            .knowing::<OfComponents>(Catalogue::tried(components.registry()))
            .knowing::<OfServices>(Catalogue::tried(services.services()))
            .knowing::<OfClients>(Catalogue::tried(services.clients()))
    }

    /// Adds a component that a test registers, with any ports and settings.
    #[must_use]
    pub fn with(self, name: impl Into<String>) -> Self {
        let mut components = self.of_sort::<OfComponents>().clone();
        components.add(name.into());
        self.knowing::<OfComponents>(components)
    }

    /// `check` gets the name of a known component and the settings of a node: always a JSON object, empty if the file
    /// has none. Its error is shown at the settings, or at the setting that it names.
    #[must_use]
    pub fn checking_settings<E: Into<SettingsError>>(
        self,
        check: impl Fn(&str, &serde_json::Value) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let check = move |name: &str, settings: &serde_json::Value| check(name, settings).map_err(Into::into);
        let components = self.of_sort::<OfComponents>().clone();
        self.knowing::<OfComponents>(components.checking(check))
    }

    /// The components, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.of_sort::<OfComponents>().iter()
    }
}

impl Default for ComponentNames {
    fn default() -> Self {
        Self::built_in()
    }
}

impl fmt::Debug for ComponentNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
