//! Names: which are allowed, which exist, and which one was probably meant.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::read::At;
use super::report::{Problem, Problems};
use crate::custom::Kinds;
use crate::registry::{Declaration, Registry, SettingsError};
use crate::systems::router::components::Components;
use crate::systems::service::ServiceCode;

/// What module, node, workload and fault names look like, as a regular expression.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

/// The longest name: with a replica's number behind it, it still is a DNS name.
const NAME_LENGTH_MAX: usize = 200;

type CheckSettings = dyn Fn(&str, &serde_json::Value) -> Result<(), SettingsError> + Send + Sync;

/// The components that a topology may name, their ports, and what their settings must be; and the services and clients of
/// your own.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct ComponentNames {
    components: Catalogue,
    services: Catalogue,
    clients: Catalogue,
    kinds: Arc<Kinds>,
}

/// What files may name, of one sort: its keys, what it says of itself, and what its settings must be.
#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    names: BTreeMap<String, Known>,
    check_settings: Option<Arc<CheckSettings>>,
}

/// What is known of something that files may name.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// What it says of itself.
    pub(crate) declaration: Declaration,
    /// The keys of its settings. Nothing: any.
    pub(crate) keys: Option<&'static [&'static str]>,
}

impl Catalogue {
    fn of<T>(registry: &Registry<T>) -> Self {
        let known = |name: &str| Known {
            declaration: registry.declaration(name).cloned().unwrap_or_default(),
            keys: registry.keys(name),
        };
        Catalogue {
            names: registry
                .names()
                .map(|name| (name.to_owned(), known(name)))
                .collect(),
            check_settings: None,
        }
    }

    /// The same; settings are tried by making what they are for.
    fn tried<T: 'static>(registry: &Registry<T>) -> Self {
        let tried = registry.clone();
        let check = move |name: &str, settings: &serde_json::Value| {
            let made = tried.make(name, settings);
            made.map_or(Ok(()), |made| made.map(drop))
        };
        Catalogue {
            check_settings: Some(Arc::new(check)),
            ..Catalogue::of(registry)
        }
    }

    /// In alphabetical order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known> {
        self.names.get(name)
    }

    pub(crate) fn check_settings(
        &self,
        name: &str,
        settings: &serde_json::Value,
    ) -> Result<(), SettingsError> {
        self.check_settings
            .as_ref()
            .map_or(Ok(()), |check| check(name, settings))
    }
}

impl ComponentNames {
    /// The built-in components. Of their settings only the keys are looked at.
    pub fn built_in() -> Self {
        Self::of(&Components::builtin())
    }

    /// These components. Of their settings only the keys are looked at.
    pub fn of(components: &Components) -> Self {
        Self {
            components: Catalogue::of(components.registry()),
            services: Catalogue::of(ServiceCode::builtin().services()),
            clients: Catalogue::default(),
            kinds: Arc::default(),
        }
    }

    /// All that a harness has, with settings that are tried.
    pub(crate) fn of_all(components: &Components, services: &ServiceCode, kinds: &Kinds) -> Self {
        Self {
            components: Catalogue::tried(components.registry()),
            services: Catalogue::tried(services.services()),
            clients: Catalogue::tried(services.clients()),
            kinds: Arc::new(kinds.clone()),
        }
    }

    /// Adds a component that a test registers, with whatever ports and settings.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>) -> Self {
        self.components.names.insert(name.into(), Known::default());
        self
    }

    /// `check` is given a known component's name and the settings of a node: always a JSON object, empty
    /// where the file has none. What it says is wrong is shown at the settings, or at the one that it knows to be.
    #[must_use]
    pub fn checking_settings<E: Into<SettingsError>>(
        mut self,
        check: impl Fn(&str, &serde_json::Value) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let check = move |name: &str, settings: &serde_json::Value| check(name, settings).map_err(Into::into);
        self.components.check_settings = Some(Arc::new(check));
        self
    }

    /// The components, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.components.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known> {
        self.components.get(name)
    }

    pub(crate) fn components(&self) -> &Catalogue {
        &self.components
    }

    pub(crate) fn services(&self) -> &Catalogue {
        &self.services
    }

    /// What files may have beside what is built in.
    pub(crate) fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    pub(crate) fn clients(&self) -> &Catalogue {
        &self.clients
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

/// The name that was probably meant: few letters away from what was written.
pub(crate) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
    let (distance, name) = known.map(|name| (distance(&name), name)).min()?;
    (distance <= written.chars().count().max(3) / 3).then_some(name)
}

/// What to do about a name that is not known: `did you mean ..`, or those that there are.
pub(crate) fn remedy<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => listed(known).map(|list| format!("there is {list}")),
    }
}

/// Adds the problem that there is no such thing, with the names of those that there are.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    span: &Range<usize>,
    known: impl Iterator<Item = &'a str>,
    problems: &mut Problems,
) {
    let problem = Problem::new(format!("there is no {what} `{name}`")).at(span, "not known");
    let help = remedy(name, known).unwrap_or_else(|| format!("there is no {what} at all"));
    problems.add(problem.help(help));
}

/// A list of at most a dozen names.
fn listed(mut names: Vec<&str>) -> Option<String> {
    let rest = names.len().saturating_sub(12);
    names.truncate(12);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    (!names.is_empty()).then(|| names.join(", ") + &more)
}

/// Adds a problem when `name` is not [allowed](NAME_PATTERN).
pub(crate) fn check_name(what: &str, name: &At<String>, problems: &mut Problems) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let problem = if name.is_empty() {
        Problem::new(format!("the name of a {what} is empty")).at(&name.span, "expected a name")
    } else if name.len() > NAME_LENGTH_MAX {
        Problem::new(format!(
            "the name of a {what} is longer than {NAME_LENGTH_MAX} bytes"
        ))
        .at(&name.span, "too long")
    } else if !name.chars().all(allowed) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Problem::new(format!(
            "`{}` cannot be the name of a {what}",
            name.escape_debug()
        ))
        .at(&name.span, "not allowed as a name")
    } else {
        return;
    };
    problems
        .add(problem.help("names are letters, digits, `.`, `_` and `-`, and start with a letter or digit"));
}

/// Splits `node.port`: at the last dot, for a node's name may have dots and a port's may not.
pub(crate) fn destination<'a>(text: &'a At<String>, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
    let parts = text
        .rsplit_once('.')
        .filter(|(node, port)| !node.is_empty() && !port.is_empty());
    if parts.is_none() {
        let problem = Problem::new(format!("`{}` does not say which port of which node", text.value))
            .at(&text.span, "expected \"node.port\"")
            .help("name the node, a dot, and the port, as in \"router.in\"");
        problems.add(problem);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed_and_a_far_one_is_not() {
        let known = || ["latency", "loss", "between"].into_iter();
        assert_eq!(nearest("latncy", known()), Some("latency"));
        assert_eq!(nearest("Loss", known()), Some("loss"));
        assert_eq!(nearest("ebtween", known()), Some("between"));
        assert_eq!(nearest("bandwidth", known()), None);
        assert_eq!(nearest("x", [].into_iter()), None);
    }
}
