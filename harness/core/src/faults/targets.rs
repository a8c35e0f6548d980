//! Shared by the faults of hosts.

use super::{MustTouch, Past, Touches};
use crate::file::read::{At, tables};
use crate::file::value::Hosts;
use crate::plan::Topology;

tables! {
    /// Which hosts
    pub Targets("the fault") {
        /// The hosts that it strikes
        hosts: At<Hosts>,
    }
}

/// The first few names: a glob may match hundreds.
pub fn names(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Calls that these hosts send or execute.
pub(super) fn calls_of(hosts: &[String], past: &Past<'_>) -> Vec<Touches> {
    let (hosts, until) = (hosts.to_vec(), past.ended);
    vec![
        Touches::Hosts(hosts.clone()),
        Touches::Served {
            hosts,
            until,
            all: false,
        },
    ]
}

/// `Calls` if every call to these hosts is certain to reveal the fault.
pub(super) fn calls_where_they_show(hosts: &[String], topology: &Topology) -> MustTouch {
    let shows = |host: &String| {
        let mut groups = topology.groups().filter(|group| group.shows_in_calls);
        groups.any(|group| group.hosts.contains(host))
    };
    match hosts.iter().all(shows) {
        true => MustTouch::Calls,
        false => MustTouch::Nothing,
    }
}
