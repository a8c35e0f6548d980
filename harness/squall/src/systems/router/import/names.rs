//! Names of resources as names of a topology.
//!
//! A topology's modules and nodes are called with letters, digits, `.`, `_` and `-`, at most 200 of them, and
//! begin with a letter or digit. Names of Kubernetes are within that, unless they are longer. Others have a `-`
//! for each character that is not allowed, lose their beginning when they are too long, and get a number when
//! that makes two alike. Ports have no dots: theirs become `_`.

use std::collections::BTreeSet;

const LENGTH_MAX: usize = 200;

/// The names that are taken.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// A name that is allowed and not taken: `name` itself, if it can be had.
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

/// A port as topologies spell it.
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
