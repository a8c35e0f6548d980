//! Warns about ineffective environment variables: misspelt ones, and those that a command does not read.

use std::io::{self, Write};

use squall_provider::Config;

use super::{Console, line};
use crate::file::nearest;

/// The prefix of a manager's variables.
const PREFIX: &str = "CONSTELLATION_PROVIDER_";

/// Whether a command configures its managers by these variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Managers {
    /// By variables.
    OfVariables,
    /// By a topology.
    OfTopology,
}

/// Warns of each variable that has no effect.
pub(super) fn review<O, E: Write>(managers: Managers, console: &mut Console<O, E>) -> io::Result<()> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for warning in warnings(managers, names) {
        writeln!(console.err, "warning: {}", line(&warning))?;
    }
    Ok(())
}

fn warnings(managers: Managers, names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.filter(|name| is_meant(name)).collect();
    names.sort();
    names.iter().filter_map(|name| warning(managers, name)).collect()
}

fn warning(managers: Managers, name: &str) -> Option<String> {
    let is_known = Config::VARIABLES.contains(&name);
    match (managers, is_known) {
        (Managers::OfVariables, true) => None,
        (Managers::OfVariables, false) => Some(match nearest(name, Config::VARIABLES.into_iter()) {
            Some(meant) => format!("{name} is set and means nothing: did you mean {meant}?"),
            None => format!(
                "{name} is set and means nothing: there are {}",
                Config::VARIABLES.join(", ")
            ),
        }),
        (Managers::OfTopology, _) => Some(format!(
            "{name} is set and means nothing here: the topology says in [manager.*] how its managers are"
        )),
    }
}

/// Whether it is one of a manager's variables, or a probable misspelling.
fn is_meant(name: &str) -> bool {
    /// The maximum number of wrong letters.
    const LETTERS: usize = 2;
    let upper = name.to_uppercase();
    let is_near = |known: &&str| strsim::damerau_levenshtein(&upper, known) <= LETTERS;
    upper.starts_with(PREFIX) || Config::VARIABLES.iter().any(is_near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(managers: Managers, names: &[&str]) -> Vec<String> {
        warnings(managers, names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_variable_that_is_misspelt_is_told_with_the_one_that_was_meant() {
        let of = |name: &str| warned(Managers::OfVariables, &[name, "PATH", "CONSTELLATION_LOG"]);
        for (name, meant) in [
            (
                "CONSTELLATION_PROVIDER_HEARTBEAT_TIMOUT",
                "CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT",
            ),
            (
                "CONSTELLATION_PROVIDER_RESERVED_NAMESPACES",
                "CONSTELLATION_PROVIDER_RESERVED_NS",
            ),
            ("CONSTELATION_PROVIDER_PORT", "CONSTELLATION_PROVIDER_PORT"),
            ("constellation_provider_port", "CONSTELLATION_PROVIDER_PORT"),
        ] {
            let told = format!("{name} is set and means nothing: did you mean {meant}?");
            assert_eq!(of(name), [told]);
        }
        let listed = of("CONSTELLATION_PROVIDER_MAXIMAL_NUMBER_OF_ALL_THAT_THERE_IS");
        assert!(
            matches!(&listed[..], [one] if one.contains("there are CONSTELLATION_PROVIDER_PORT, ")),
            "{listed:?}"
        );
        assert_eq!(warned(Managers::OfVariables, &Config::VARIABLES), [""; 0]);
        assert_eq!(
            warned(
                Managers::OfVariables,
                &["PATH", "CONSTELLATION_LOG", "PROVIDER_PORT"]
            ),
            [""; 0]
        );
    }

    #[test]
    fn where_a_topology_says_how_managers_are_no_variable_does() {
        let told = warned(Managers::OfTopology, &["CONSTELLATION_PROVIDER_PORT", "HOME"]);
        assert!(
            matches!(&told[..], [one] if one.contains("[manager.*]")),
            "{told:?}"
        );
    }
}
