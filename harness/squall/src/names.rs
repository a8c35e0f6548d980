//! The names that the built-in systems know: components, services and clients.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use squall_core::custom::Kinds;
use squall_core::file::names::Catalogue;
use squall_core::file::{Names, Report, scenario_from_str_with};
use squall_core::plan::Topology;
use squall_core::registry::SettingsError;
use squall_core::scenario::Scenario;
use squall_system_cluster::Behaviours;
use squall_system_cluster::file::OfBehaviours;
use squall_system_router::components::Components;
use squall_system_router::file::OfComponents;
use squall_system_service::ServiceCode;
use squall_system_service::file::{OfClients, OfServices};

use crate::systems::LISTS;

/// The names of user code that files may use: components with their ports and settings, services and clients.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct ComponentNames(Names);

impl Deref for ComponentNames {
    type Target = Names;

    fn deref(&self) -> &Names {
        &self.0
    }
}

/// Parses a scenario. It runs on `topology`, whatever its `topology` key says. `name` is the file name for
/// reports.
pub fn scenario_from_str(name: &str, text: &str, topology: Arc<Topology>) -> Result<Scenario, Report> {
    scenario_from_str_with(name, text, topology, &ComponentNames::built_in())
}

impl ComponentNames {
    /// The built-in components. Only the keys of their settings are checked.
    pub fn built_in() -> Self {
        Self::of(&Components::builtin())
    }

    /// These components. Only the keys of their settings are checked.
    pub fn of(components: &Components) -> Self {
        let names = Names::none(Arc::new(Kinds::of(&LISTS)))
            .knowing::<OfComponents>(Catalogue::of(components.registry()))
            .knowing::<OfBehaviours>(Catalogue::tried(Behaviours::builtin().registry()))
            .knowing::<OfServices>(Catalogue::of(ServiceCode::builtin().services()));
        ComponentNames(names)
    }

    /// Everything in a harness, with settings checked by parsing them.
    pub(crate) fn of_all(components: &Components, services: &ServiceCode, kinds: &Kinds) -> Self {
        let names = Names::none(Arc::new(kinds.clone()))
            .knowing::<OfComponents>(Catalogue::tried(components.registry()))
            .knowing::<OfBehaviours>(Catalogue::tried(Behaviours::builtin().registry()))
            .knowing::<OfServices>(Catalogue::tried(services.services()))
            .knowing::<OfClients>(Catalogue::tried(services.clients()));
        ComponentNames(names)
    }

    /// Adds a component that a test registers, with any ports and settings.
    #[must_use]
    pub fn with(self, name: impl Into<String>) -> Self {
        let mut components = self.of_sort::<OfComponents>().clone();
        components.add(name.into());
        ComponentNames(self.0.knowing::<OfComponents>(components))
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
        ComponentNames(self.0.knowing::<OfComponents>(components.checking(check)))
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
