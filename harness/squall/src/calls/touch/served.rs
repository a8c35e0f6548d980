//! Faults of those who serve a namespace, as calls feel them.
//!
//! Callers name what they want, and not who serves it. Of a call that failed before it was sent anywhere only the namespace
//! is known: every fault of a host that serves it may be why.

use super::{STALL, Span, Touched, Window};
use crate::calls::Call;
use crate::plan::Topology;

/// When which fault was about which of them.
pub(super) struct ServedWindow {
    window: Window,
    hosts: Vec<String>,
    /// Those of the hosts.
    namespaces: Vec<String>,
    /// Whether it touches also what succeeds.
    touches_all: bool,
}

impl ServedWindow {
    /// Nothing when none of the hosts serves one.
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
        // One that is back is not there at once.
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
