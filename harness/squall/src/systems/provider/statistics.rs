//! What became of the providers of a run.

use crate::calls::HopKind;
use crate::oracle::Run;
use crate::plan::{Provider, ProviderState};
use crate::systems::provider::evidence::Providers;
use crate::time;

/// One host of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStatistics {
    /// The host.
    pub host: String,
    /// How often it was registered, at all of its managers together.
    pub registered: u64,
    /// How many of its registrations were rejected.
    pub rejected: u64,
    /// How many of its heartbeats were heard.
    pub heartbeats: u64,
    /// How many executions it began.
    pub executed: u64,
    /// When it left before the run was over, nanoseconds, and why; in order.
    pub left: Vec<(u64, String)>,
    /// Why it was rejected last; empty when it never was.
    pub rejection: String,
}

impl ProviderStatistics {
    /// Of every host of every provider, as in the plan.
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
    // What happens when the plan is over counts no more.
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
    // At the end of the run everybody leaves.
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
