//! Names: valid ones, existing ones, and suggestions for misspelt ones.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use super::extra::Extra;
use super::read::At;
use super::report::{Problem, Problems};
use crate::registry::{Declaration, Registry, SettingsError};

/// A regular expression for names of modules, nodes, workloads and faults.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

/// The maximum length: a name with a replica's number is still a valid DNS name.
const NAME_LENGTH_MAX: usize = 200;

type CheckSettings = dyn Fn(&str, &serde_json::Value) -> Result<(), SettingsError> + Send + Sync;

/// The names of user code that files may use: components with their ports and settings, services and clients.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Names {
    /// One per type of named thing.
    catalogues: Arc<HashMap<TypeId, Catalogue>>,
    extra: Arc<dyn Extra>,
}

/// The known names of one sort, with their declarations and the check of their settings.
#[derive(Clone, Default)]
pub struct Catalogue {
    names: BTreeMap<String, Known>,
    check_settings: Option<Arc<CheckSettings>>,
}

/// A known name.
#[derive(Clone, Default)]
pub struct Known {
    /// Its declaration.
    pub declaration: Declaration,
    /// The keys of its settings. `None`: any.
    pub(crate) keys: Option<&'static [&'static str]>,
}

impl Catalogue {
    /// The names of a registry. Only the keys of their settings are checked.
    pub fn of<T>(registry: &Registry<T>) -> Self {
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

    /// The same; settings are checked by constructing the item.
    pub fn tried<T: 'static>(registry: &Registry<T>) -> Self {
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

    /// Adds a name without a declaration.
    pub fn add(&mut self, name: String) {
        self.names.insert(name, Known::default());
    }

    /// The same names, with this check of settings.
    pub fn checking(
        mut self,
        check: impl Fn(&str, &serde_json::Value) -> Result<(), SettingsError> + Send + Sync + 'static,
    ) -> Self {
        self.check_settings = Some(Arc::new(check));
        self
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What is known of a name.
    pub fn get(&self, name: &str) -> Option<&Known> {
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

impl Names {
    /// No names, in files with these additional keys.
    pub fn none(extra: Arc<dyn Extra>) -> Self {
        Names {
            catalogues: Arc::default(),
            extra,
        }
    }

    /// Sets the names for the type `T`.
    #[must_use]
    pub fn knowing<T: 'static>(mut self, catalogue: Catalogue) -> Self {
        Arc::make_mut(&mut self.catalogues).insert(TypeId::of::<T>(), catalogue);
        self
    }

    /// The names for the type `T`.
    pub fn of_sort<T: 'static>(&self) -> &Catalogue {
        static NONE: LazyLock<Catalogue> = LazyLock::new(Catalogue::default);
        self.catalogues.get(&TypeId::of::<T>()).unwrap_or(&NONE)
    }

    /// The additional keys of files.
    pub(crate) fn extra(&self) -> &Arc<dyn Extra> {
        &self.extra
    }
}

/// The most similar name, if it differs by few letters.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
    let (distance, name) = known.map(|name| (distance(&name), name)).min()?;
    (distance <= written.chars().count().max(3) / 3).then_some(name)
}

/// The remedy for an unknown name: `did you mean ..`, or the known names.
pub fn remedy<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => listed(known).map(|list| format!("there is {list}")),
    }
}

/// Adds the problem that a name is unknown, with the known names.
pub fn unknown<'a>(
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

/// Adds a problem when `name` is not allowed.
pub fn check_name(what: &str, name: &At<String>, problems: &mut Problems) {
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

/// Splits `node.port` at the last dot: node names may contain dots, port names may not.
pub fn destination<'a>(text: &'a At<String>, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
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
