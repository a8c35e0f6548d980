//! Calls touched by faults of hosts that serve a namespace.
//!
//! Callers name a module, and not the host that serves it. If a call failed before it was sent, only its namespace is
//! known: the cause may be any fault of a host that serves it.

use super::{STALL, Span, Touched, Window};
use crate::calls::Call;
use crate::plan::Topology;

/// When a fault affected some of these hosts.
pub(super) struct ServedWindow {
    window: Window,
    hosts: Vec<String>,
    /// The namespaces of the hosts.
    namespaces: Vec<String>,
    /// Whether successful calls are touched, too.
    touches_all: bool,
}

impl ServedWindow {
    /// `None` if none of the hosts serves a namespace.
    pub(super) fn of(
        window: Window,
        hosts: Vec<String>,
        touches_all: bool,
        topology: &Topology,
    ) -> Option<Self> {
        let groups = topology.groups();
        let here = groups.filter(|group| group.hosts.iter().any(|host| hosts.contains(host)));
        let namespaces: Vec<String> = here.filter_map(|it| it.namespace.map(str::to_owned)).collect();
        (!namespaces.is_empty()).then_some(ServedWindow {
            window,
            hosts,
            namespaces,
            touches_all,
        })
    }

    pub(super) fn find(&self, call: &Call<'_>, span: Span, touched: &mut Touched) {
        // A program has modules of any namespace.
        let namespace = call.to.rsplit_once('.').map(|(namespace, _)| namespace);
        let Window { from, until, fault } = self.window;
        let in_time = span.meets(from, until);
        // A host that is back needs time to reconnect.
        let in_its_wake = span.meets(from, until.saturating_add(STALL));
        let goes_there = || {
            let mut attempts = call.hops.iter().filter(|hop| !hop.addressed.is_empty());
            attempts.any(|hop| self.hosts.iter().any(|host| hop.peer_host() == Some(host)))
        };
        let is_lost = || {
            let is_among = |namespace: &str| self.namespaces.iter().any(|it| it == namespace);
            !call.is_ok() && call.hops.is_empty() && namespace.is_none_or(is_among)
        };
        if (in_time && self.touches_all && goes_there()) || (in_its_wake && is_lost()) {
            touched.add(Some(fault));
        }
    }
}
