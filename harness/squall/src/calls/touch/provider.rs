//! Faults of providers, as calls feel them.
//!
//! A canary, and a drain, touch what goes to their hosts meanwhile. And of a call that failed before it was sent
//! anywhere it says whose namespace it is: every fault of a provider of that namespace may be why.

use super::{STALL, Span, Touched};
use crate::calls::{Call, Protocol};
use crate::history::History;
use crate::journal::Journal;
use crate::plan::{FaultKind, Plan};
use crate::providers::Providers;
use crate::time::nanos;

/// How long a manager waits for a provider that is drained, when nobody says otherwise. Spec: provider 2.1.
const DRAIN_DEADLINE: u64 = 30_000_000_000;

/// When which fault was about which providers.
pub(super) struct ProviderFaults<'p>(Vec<Window<'p>>);

struct Window<'p> {
    from: u64,
    until: u64,
    fault: u32,
    hosts: &'p [String],
    /// Those of the hosts.
    namespaces: Vec<&'p str>,
    /// Whether it touches also what succeeds.
    touches_all: bool,
}

impl<'p> ProviderFaults<'p> {
    pub(super) fn of(journal: &Journal, plan: &'p Plan, history: &History<'_>) -> Self {
        if plan.topology.providers.is_empty() {
            return ProviderFaults(Vec::new());
        }
        let providers = Providers::of(journal);
        let faults = (0_u32..).zip(plan.faults.iter().zip(&history.faults));
        let windows = faults.filter_map(|(number, (fault, past))| {
            let from = past.started?;
            let ended = past.ended.unwrap_or(u64::MAX);
            let (hosts, until, touches_all) = match &fault.kind {
                FaultKind::HeartbeatLoss { hosts, .. } => (hosts, ended, false),
                FaultKind::Kill { hosts }
                | FaultKind::Crash { hosts }
                | FaultKind::Pause { hosts }
                | FaultKind::Drain { hosts, .. } => (hosts, ended, false),
                FaultKind::DrainProvider { hosts, deadline, .. } => {
                    let deadline = deadline.map_or(DRAIN_DEADLINE, nanos);
                    (hosts, from.saturating_add(deadline), true)
                }
                FaultKind::Canary(canary) => {
                    let of_host = providers
                        .canaries
                        .iter()
                        .filter(|it| canary.hosts.iter().any(|host| host == it.host));
                    let ends = of_host.filter_map(|it| it.end).map(|end| end.moment.at);
                    (
                        &canary.hosts,
                        ends.filter(|end| *end >= from).max().unwrap_or(u64::MAX),
                        true,
                    )
                }
                _ => return None,
            };
            let provider = |host: &'p String| plan.topology.provider_on(host);
            let namespaces: Vec<&str> = hosts
                .iter()
                .filter_map(provider)
                .map(|it| it.namespace.as_str())
                .collect();
            (!namespaces.is_empty()).then_some(Window {
                from,
                until,
                fault: number,
                hosts,
                namespaces,
                touches_all,
            })
        });
        ProviderFaults(windows.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn find(&self, call: &Call<'_>, end: u64, touched: &mut Touched) {
        // A program has modules of any namespace.
        let namespace = call.to.rsplit_once('.').map(|(namespace, _)| namespace);
        for window in &self.0 {
            let span = Span::new(call.started.at, end, call.is_ok());
            let in_time = span.meets(window.from, window.until);
            // One that is back is not there at once.
            let in_its_wake = span.meets(window.from, window.until.saturating_add(STALL));
            let goes_there = || {
                let mut attempts = call.hops.iter().filter(|hop| hop.protocol == Protocol::Provider);
                attempts.any(|hop| window.hosts.iter().any(|host| hop.peer_host() == Some(host)))
            };
            let is_lost = || {
                !call.is_ok()
                    && call.hops.is_empty()
                    && namespace.is_none_or(|it| window.namespaces.contains(&it))
            };
            if (in_time && window.touches_all && goes_there()) || (in_its_wake && is_lost()) {
                touched.add(Some(window.fault));
            }
        }
    }
}
