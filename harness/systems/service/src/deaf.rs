//! Service hosts that refused all connects while their process was up: nothing listens there.

use std::collections::HashSet;

use indexmap::IndexMap;
use squall_core::journal::{Close, Event, Touch};
use squall_core::oracle::Run;
use squall_core::report::plural;

use crate::plan::Service;

/// The connects to one host.
#[derive(Default)]
struct Host {
    is_up: bool,
    accepted: bool,
    /// Connects refused by its kernel while its process was up.
    refused: u64,
}

/// A note for each host that refused connects, and never accepted one.
pub fn notes(run: &Run<'_>) -> Vec<String> {
    let services = run.plan.topology.all::<Service>().values();
    let names = services.flat_map(|service| &service.hosts);
    let mut hosts: IndexMap<&str, Host> = names.map(|name| (&**name, Host::default())).collect();
    if hosts.is_empty() {
        return Vec::new();
    }
    // Connects refused by a fault do not count.
    let mut by_faults = HashSet::new();
    for entry in &run.journal.entries {
        let name = match &entry.event {
            Event::HostStarted { .. } | Event::HostStopped { .. } => &entry.host,
            Event::ConnectionOpened { to, .. } | Event::ConnectionClosed { to, .. } => to,
            Event::Segment {
                touch: Touch::Refused,
                flow,
                ..
            } => {
                by_faults.insert(*flow);
                continue;
            }
            _ => continue,
        };
        let Some(host) = hosts.get_mut(&**name) else {
            continue;
        };
        match &entry.event {
            Event::HostStarted { .. } => host.is_up = true,
            Event::HostStopped { .. } => host.is_up = false,
            Event::ConnectionOpened { .. } => host.accepted = true,
            Event::ConnectionClosed {
                flow,
                how: Close::Refused,
                ..
            } if host.is_up && !by_faults.contains(flow) => host.refused += 1,
            _ => {}
        }
    }
    let deaf = hosts
        .iter()
        .filter(|(_, host)| !host.accepted && host.refused > 0);
    deaf.map(|(name, host)| {
        let connects = plural(host.refused, "connect");
        format!(
            "{name} took no connection and refused {connects}: does its service listen, and at that port?"
        )
    })
    .collect()
}
