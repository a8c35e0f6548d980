//! Names of modules: sanitised, and matched in different spellings. Spec: router 3.1, 6.2.
//!
//! A publisher's prefix is optional, in both directions: `acme/http-module-v0` and `http-module-v0` are the same
//! module. Therefore a prefix cannot be distinguished from a part of the name, and `module-v0` also matches
//! `js-module-v0`: an accepted ambiguity. Exact names take precedence, and more than one match by suffix is an error,
//! not a guess.

use std::sync::Arc;

use indexmap::IndexMap;

/// The longest sanitised name, in characters. Names of Kubernetes objects are derived from it.
const SANITISED_MAX: usize = 48;

/// Makes a name that Kubernetes accepts: lower case, every run of other characters than ASCII letters and
/// digits a single `-`, of that the last 48 characters, no `-` at either end. Spec: router 3.1, 6.1.
///
/// Empty when no usable character is left.
pub fn sanitise(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            clean.push(character);
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    // Everything is ASCII here.
    let start = clean.len().saturating_sub(SANITISED_MAX);
    clean[start..].trim_matches('-').to_owned()
}

/// Whether two names may denote the same module: case does not matter, `/` equals `-`, and either may be the other
/// with a prefix. An empty name matches nothing. Spec: router 6.2.
pub fn matches(one: &str, other: &str) -> bool {
    let (one, other) = (canonical(one), canonical(other));
    !one.is_empty()
        && !other.is_empty()
        && (one == other || is_suffix(&one, &other) || is_suffix(&other, &one))
}

fn canonical(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|it| if it == '/' { '-' } else { it })
        .collect()
}

/// Whether `name` is `short` with a prefix and a `-` in front.
fn is_suffix(short: &str, name: &str) -> bool {
    name.strip_suffix(short)
        .is_some_and(|prefix| prefix.ends_with('-'))
}

/// The known modules, by name. Names are made canonical once, when a module becomes known.
#[derive(Debug, Default)]
pub(crate) struct Names {
    canonical: IndexMap<Arc<str>, String>,
}

/// The modules that a name denotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// No known module.
    None,
    /// This one.
    One(Arc<str>),
    /// Any of these, in the order in which they became known.
    Several(Vec<Arc<str>>),
}

impl Names {
    pub(crate) fn add(&mut self, name: Arc<str>) {
        let canonical = canonical(&name);
        self.canonical.insert(name, canonical);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.canonical.shift_remove(name);
    }

    /// The exact name; else the only one that differs only in case and separators; else the only one that matches
    /// with a prefix. Spec: router 6.2, W-12.
    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        if let Some((exact, _)) = self.canonical.get_key_value(name) {
            return Meaning::One(Arc::clone(exact));
        }
        let wanted = canonical(name);
        if wanted.is_empty() {
            return Meaning::None;
        }
        match self.that(|known| known == wanted) {
            Meaning::None => self
                .that(|known| !known.is_empty() && (is_suffix(known, &wanted) || is_suffix(&wanted, known))),
            found => found,
        }
    }

    fn that(&self, fits: impl Fn(&str) -> bool) -> Meaning {
        let mut found = self.canonical.iter().filter(|(_, canonical)| fits(canonical));
        let Some((first, _)) = found.next() else {
            return Meaning::None;
        };
        let mut all = vec![Arc::clone(first)];
        all.extend(found.map(|(name, _)| Arc::clone(name)));
        match all.len() {
            1 => Meaning::One(Arc::clone(first)),
            _ => Meaning::Several(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Names {
        let mut known = Names::default();
        for name in names {
            known.add((*name).into());
        }
        known
    }

    fn one(name: &str) -> Meaning {
        Meaning::One(name.into())
    }

    #[test]
    fn the_exact_name_wins_over_all_that_match() {
        let known = names(&["acme-web-v1", "WEB-v1", "web-v1"]);
        assert_eq!(known.meaning("web-v1"), one("web-v1"));
        assert_eq!(known.meaning("acme-web-v1"), one("acme-web-v1"));
    }

    #[test]
    fn another_spelling_wins_over_a_suffix() {
        let known = names(&["acme-web-v1", "WEB-v1"]);
        assert_eq!(known.meaning("web-v1"), one("WEB-v1"));
        assert_eq!(known.meaning("ACME/web-v1"), one("acme-web-v1"));
    }

    #[test]
    fn a_suffix_counts_when_it_is_the_only_one() {
        let known = names(&["acme-web-v1", "acme-mail-v1"]);
        assert_eq!(known.meaning("web-v1"), one("acme-web-v1"));
        assert_eq!(known.meaning("big/acme-mail-v1"), one("acme-mail-v1"));
        assert_eq!(known.meaning("web-v2"), Meaning::None);
        assert_eq!(known.meaning(""), Meaning::None);
    }

    #[test]
    fn two_suffixes_are_an_ambiguity_until_one_is_forgotten() {
        let mut known = names(&["acme-web-v1", "big-web-v1"]);
        let both = vec!["acme-web-v1".into(), "big-web-v1".into()];
        assert_eq!(known.meaning("web-v1"), Meaning::Several(both));
        known.remove("acme-web-v1");
        assert_eq!(known.meaning("web-v1"), one("big-web-v1"));
    }
}
