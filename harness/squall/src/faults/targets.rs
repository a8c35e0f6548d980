//! What faults of hosts and nodes share.

use std::time::Duration;

use super::{MustTouch, Past, Touches};
use crate::draw::Ranged;
use crate::file::names::unknown;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::{Module, Topology};
use crate::time;

tables! {
    /// Which hosts
    Targets("the fault") {
        /// The hosts that it strikes
        hosts: At<Hosts>,
    }

    /// Which node
    OneNode("the fault") {
        /// Its name
        node: At<String>,
    }
}

/// The first few names: a glob may stand for hundreds.
pub(super) fn names(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What the processes of these hosts make and serve, modules or providers.
pub(super) fn calls_of(hosts: &[String], past: &Past<'_>) -> Vec<Touches> {
    let (hosts, until) = (hosts.to_vec(), past.ended);
    vec![
        Touches::Hosts(hosts.clone()),
        Touches::Providers {
            hosts,
            until,
            all: false,
        },
    ]
}

/// Calls, of modules. Of managers and providers states show what it did.
pub(super) fn calls_of_modules(hosts: &[String], topology: &Topology) -> MustTouch {
    let is_module = |host: &String| topology.hosts().any(|(other, _)| other == host);
    match hosts.iter().all(is_module) {
        true => MustTouch::Calls,
        false => MustTouch::Nothing,
    }
}

/// How much later some hear of a change than others; at once when the file does not say.
pub(super) fn lateness(late: Option<&At<Ranged<Duration>>>) -> Ranged<Duration> {
    late.map_or_else(|| Ranged::exactly(Duration::ZERO), |late| late.value)
}

/// The same in words; nothing when all hear of it at once.
pub(super) fn lateness_text(late: Duration) -> String {
    match late.is_zero() {
        true => String::new(),
        false => format!(", up to {} late", time::exact(time::nanos(late))),
    }
}

/// The node of this name. A problem when there is none.
pub(super) fn node(name: &At<String>, topology: &Topology, problems: &mut Problems) -> Option<String> {
    if topology.owner(name).is_none() {
        let nodes = topology.modules.values().flat_map(|module| module.nodes.keys());
        unknown("node", name, &name.span, nodes.map(String::as_str), problems);
        return None;
    }
    Some(name.value.clone())
}

/// The module of this name. A problem when there is none.
pub(super) fn module<'t>(
    name: &At<String>,
    topology: &'t Topology,
    problems: &mut Problems,
) -> Option<&'t Module> {
    let module = topology.modules.get(&name.value);
    if module.is_none() {
        let modules = topology.modules.keys().map(String::as_str);
        unknown("module", name, &name.span, modules, problems);
    }
    module
}
