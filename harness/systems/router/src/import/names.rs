//! Converts names of resources to names of a topology.
//!
//! Names of modules and nodes consist of letters, digits, `.`, `_` and `-`, at most 200 of them, and start with a
//! letter or digit. Names in Kubernetes are valid unless they are longer. In others, invalid characters become `-`,
//! long names lose their beginning, and a number is appended if two become equal. Ports have no dots: theirs become
//! `_`.

use std::collections::BTreeSet;

const LENGTH_MAX: usize = 200;

/// The names in use.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// A valid, unused name: `name` itself if possible.
    pub(super) fn take(&mut self, name: &str) -> String {
        let base = allowed(name);
        let mut free = base.clone();
        let mut number = 1;
        while !self.0.insert(free.clone()) {
            number += 1;
            free = allowed(&format!("{base}-{number}"));
        }
        free
    }
}

fn allowed(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let end = &name[name.len().saturating_sub(LENGTH_MAX)..];
    match end.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// A port in topology spelling.
pub(super) fn port(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kubernetes_stay_and_others_are_made_to_fit() {
        let mut names = Names::default();
        let real = "a1b2c3d4.http-module-v0.http-server-y2";
        assert_eq!(names.take(real), real);
        assert_eq!(names.take("a b"), "a-b");
        assert_eq!(names.take("a/b"), "a-b-2");
        assert_eq!(names.take("a-b"), "a-b-3");
        assert_eq!(names.take("_x"), "x");
        assert_eq!(names.take("ü"), "unnamed");
        assert_eq!(names.take(&"y".repeat(253)).len(), LENGTH_MAX);
        assert_eq!(names.take(&"y".repeat(253)), format!("{}-2", "y".repeat(198)));
        assert_eq!(port("out.a"), "out_a");
    }
}
