//! Faults of providers, as calls feel them.
//!
//! A canary, and a drain, touch what goes to their hosts meanwhile. And of a call that failed before it was sent
//! anywhere it says whose namespace it is: every fault of a provider of that namespace may be why.

use super::{STALL, Span, Touched, Window};
use crate::calls::{Call, Protocol};
use crate::plan::{Provider, Topology};

/// When which fault was about which providers.
pub(super) struct ProviderWindow {
    window: Window,
    hosts: Vec<String>,
    /// Those of the hosts.
    namespaces: Vec<String>,
    /// Whether it touches also what succeeds.
    touches_all: bool,
}

impl ProviderWindow {
    /// Nothing when none of the hosts is a provider's.
    pub(super) fn of(
        window: Window,
        hosts: Vec<String>,
        touches_all: bool,
        topology: &Topology,
    ) -> Option<Self> {
        let providers = hosts.iter().filter_map(|host| Provider::on(topology, host));
        let namespaces: Vec<String> = providers.map(|it| it.namespace.clone()).collect();
        (!namespaces.is_empty()).then_some(ProviderWindow {
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
            let mut attempts = call.hops.iter().filter(|hop| hop.protocol == Protocol::Provider);
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
