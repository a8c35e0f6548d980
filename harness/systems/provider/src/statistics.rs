//! Statistics of a run's providers.

use squall_core::calls::HopKind;
use squall_core::oracle::Run;
use squall_core::time;

use crate::evidence::Providers;
use crate::plan::{Provider, ProviderState};

/// One host of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStatistics {
    /// The host.
    pub host: String,
    /// The number of registrations, at all of its managers.
    pub registered: u64,
    /// The number of rejected registrations.
    pub rejected: u64,
    /// The number of heartbeats received.
    pub heartbeats: u64,
    /// The number of executions started.
    pub executed: u64,
    /// Departures before the end of the run, in nanoseconds, with their causes; in order.
    pub left: Vec<(u64, String)>,
    /// The reason of the last rejection; empty without one.
    pub rejection: String,
}

impl ProviderStatistics {
    /// Every host of every provider, in plan order.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Vec<Self> {
        let topology = &run.plan.topology;
        let hosts = topology
            .all::<Provider>()
            .values()
            .flat_map(|provider| &provider.hosts);
        let providers = run.evidence::<Providers>();
        hosts.map(|host| of_host(run, &providers, host)).collect()
    }
}

fn of_host(run: &Run<'_>, providers: &Providers, host: &str) -> ProviderStatistics {
    // Events after the end of the plan do not count.
    let counts = |at: u64| run.history.quiet.is_none_or(|quiet| at < quiet);
    let connections = || {
        let connections = providers.connections.iter();
        connections.filter(|it| &*it.host == host && counts(it.registered().at))
    };
    let rejections = || {
        let rejections = providers.rejections.iter();
        rejections.filter(|it| &*it.host == host && counts(it.moment.at))
    };
    let executions = run
        .calls
        .executions()
        .filter(|(_, it)| it.kind == HopKind::Attempt && it.host == host);
    // At the end of the run every host leaves.
    let over = time::nanos(run.plan.duration);
    let ends = connections().filter_map(|connection| connection.since(ProviderState::Deregistered));
    let mut left: Vec<(u64, String)> = ends
        .filter(|end| end.moment.at < over)
        .map(|end| (end.moment.at, end.cause.to_string()))
        .collect();
    left.sort();
    ProviderStatistics {
        host: host.to_owned(),
        registered: connections().count() as u64,
        rejected: rejections().count() as u64,
        heartbeats: connections()
            .flat_map(|connection| &connection.heartbeats)
            .filter(|heard| counts(heard.at))
            .count() as u64,
        executed: executions.filter(|(_, it)| counts(it.started.at)).count() as u64,
        left,
        rejection: rejections()
            .next_back()
            .map(|rejection| rejection.reason.to_string())
            .unwrap_or_default(),
    }
}
