//! Checks whether a manager would accept a provider, and keep it registered.

use squall_core::file::report::{Problem, Problems};
use squall_provider::names::is_reserved;

use super::raw;
use crate::plan::{Manager, Provider};

/// Adds the reasons for which a manager would reject this provider.
pub(super) fn check(
    (provider, raw): (&Provider, &raw::Provider),
    (manager, of): (&Manager, &raw::Manager),
    problems: &mut Problems,
) {
    check_namespace(raw, (manager, of), problems);
    check_heartbeats((provider, raw), (manager, of), problems);
}

/// Spec: provider 2.5.
fn check_namespace(
    provider: &raw::Provider,
    (manager, of): (&Manager, &raw::Manager),
    problems: &mut Problems,
) {
    let namespace = &provider.namespace;
    let reserves = |word: &String| is_reserved(namespace, &[word.clone()].into());
    let Some(word) = manager.reserved.iter().find(|word| reserves(word)) else {
        return;
    };
    let name = &manager.name;
    let mut problem = Problem::new(format!("the namespace `{}` is reserved", namespace.value)).at(
        &namespace.span,
        format!("the manager `{name}` would refuse who registers it"),
    );
    let written = of.reserved.iter().flatten();
    if let Some(place) = written.into_iter().find(|place| place.value == *word) {
        problem = problem.at(&place.span, "reserved here");
    }
    problems.add(problem.help(format!(
        "take another namespace, or say in [manager.{name}] what is reserved, `stdlib` if it does not: reserved = []"
    )));
}

/// Spec: provider 2.6.
fn check_heartbeats(
    (provider, raw): (&Provider, &raw::Provider),
    (manager, of): (&Manager, &raw::Manager),
    problems: &mut Problems,
) {
    let (interval, timeout) = (provider.heartbeat_interval, manager.heartbeat_timeout);
    // Zero is reported at its own position.
    if timeout > interval || timeout.is_zero() {
        return;
    }
    let mut problem = Problem::new(format!(
        "the manager `{}` takes the provider `{}` for silent before it says again that it is alive",
        manager.name, provider.name
    ));
    // At least one of them is set explicitly.
    if let Some(place) = &raw.heartbeat_interval {
        problem = problem.at(&place.span, "it says so this often");
    }
    if let Some(place) = &of.heartbeat_timeout {
        problem = problem.at(&place.span, "it may be silent for no longer");
    }
    let help = "a heartbeat_timeout is several times as long as a heartbeat_interval: 15s and 5s when absent";
    problems.add(problem.help(help).warning());
}
