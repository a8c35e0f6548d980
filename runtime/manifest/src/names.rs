//! Names of modules, and owners of nodes. Spec: router 3.1, 6.2, 6.4.

use crate::resource::Node;

/// The maximum length of a name, in characters, from its end.
const LENGTH_MAX: usize = 48;

/// The name of a module as spelt in resources: lower case, a `-` for every run of anything but letters and digits,
/// the last 48 characters, no `-` at the ends.
pub fn sanitise(name: &str) -> String {
    let mut sanitised = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c.is_alphanumeric() {
            true => sanitised.push(c),
            false if sanitised.ends_with('-') => {}
            false => sanitised.push('-'),
        }
    }
    let surplus = sanitised.chars().count().saturating_sub(LENGTH_MAX);
    let kept: String = sanitised.chars().skip(surplus).collect();
    kept.trim_matches('-').to_owned()
}

/// The module in a node's name: `prefix.module.component` has one, shorter names have none.
pub fn module_of(node: &str) -> Option<&str> {
    let mut segments = node.splitn(3, '.').skip(1);
    let module = segments.next()?;
    (segments.next().is_some() && !module.is_empty()).then_some(module)
}

/// True when two names denote the same module: they are equal, or one has a publisher's prefix.
pub fn same_module(one: &str, other: &str) -> bool {
    let is_suffix =
        |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('-'));
    !one.is_empty() && !other.is_empty() && (one == other || is_suffix(one, other) || is_suffix(other, one))
}

/// True when `versioned` is `plain` with a major version after it, such as `common-module-v1`.
pub fn is_version_of(versioned: &str, plain: &str) -> bool {
    let version = versioned
        .strip_prefix(plain)
        .and_then(|rest| rest.strip_prefix("-v"));
    version.is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The owner of a node, and the basis of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The module: with its registered name, if it is registered.
    pub module: String,
    /// Whether a TinyModule of it is registered.
    pub is_registered: bool,
    /// The module in the node's name, if it differs from `spec.module`. Deployed modules route messages by it.
    pub disagrees: Option<String>,
    /// Registered modules that match equally well.
    pub ambiguous: Vec<String>,
}

/// The owner of `node`: the last part of `spec.module`, with the module of the node's name as a cross-check; without
/// a `spec.module` only the latter. `registered` are the names of all TinyModules: an exact one takes precedence,
/// then the only one that differs by a publisher.
pub fn owner<'a>(node: &Node, registered: impl Iterator<Item = &'a str> + Clone) -> Option<Owner> {
    let in_name = module_of(&node.name)
        .map(sanitise)
        .filter(|name| !name.is_empty());
    let in_spec = node.module.as_ref().map(|module| last_segment(module));
    let (mut wanted, mut disagrees) = match (in_spec.filter(|name| !name.is_empty()), in_name) {
        (Some(spec), Some(name)) if is_version_of(&name, &spec) => (name, None),
        (Some(spec), Some(name)) if same_module(&spec, &name) => (spec, None),
        (Some(spec), Some(name)) => (spec, Some(name)),
        (Some(module), None) | (None, Some(module)) => (module, None),
        (None, None) => return None,
    };
    let mut candidates: Vec<&str> = match registered.clone().find(|name| *name == wanted) {
        Some(exact) => vec![exact],
        None => registered
            .clone()
            .filter(|name| same_module(name, &wanted))
            .collect(),
    };
    if candidates.is_empty() {
        candidates = registered.filter(|name| is_version_of(name, &wanted)).collect();
    }
    candidates.sort_unstable();
    candidates.dedup();
    let is_registered = candidates.len() == 1;
    if is_registered {
        wanted = candidates.remove(0).to_owned();
    }
    disagrees = disagrees.filter(|name| !same_module(name, &wanted));
    Some(Owner {
        module: wanted,
        is_registered,
        disagrees,
        ambiguous: candidates.into_iter().map(str::to_owned).collect(),
    })
}

/// The module that a Go path such as `github.com/tiny-systems/common-module` names.
fn last_segment(module: &str) -> String {
    let path = module.trim_end_matches('/');
    sanitise(path.rsplit_once('/').map_or(path, |(_, last)| last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sanitised_as_resources_spell_them() {
        assert_eq!(
            sanitise("Tiny Systems/HTTP__Module-v0"),
            "tiny-systems-http-module-v0"
        );
        assert_eq!(sanitise("--a--"), "a");
        assert_eq!(sanitise(&"x".repeat(60)).len(), 48);
        assert_eq!(
            sanitise(&format!("keep-{}", "y".repeat(47))),
            "y".repeat(47),
            "the cut is trimmed"
        );
        assert_eq!(sanitise("!?"), "");
    }

    #[test]
    fn only_names_of_three_parts_say_the_module() {
        assert_eq!(
            module_of("a1b2c3d4.http-module-v0.http-server-y2"),
            Some("http-module-v0")
        );
        assert_eq!(module_of("a.b.c.d"), Some("b"));
        for name in ["http-server-abc123", "a.b", "a..c", ""] {
            assert_eq!(module_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_publisher_may_be_missing_on_either_side_and_a_version_may_not_differ() {
        assert!(same_module("tinysystems-http-module-v0", "http-module-v0"));
        assert!(same_module("http-module-v0", "tinysystems-http-module-v0"));
        assert!(!same_module("a-http-module-v0", "b-http-module-v0"));
        assert!(!same_module("http-module-v0", "http-module-v1"));
        assert!(!same_module("xhttp-module-v0", "http-module-v0"));
        assert!(!same_module("", ""));
        assert!(is_version_of("common-module-v12", "common-module"));
        assert!(!is_version_of("common-module-vx", "common-module"));
    }
}
