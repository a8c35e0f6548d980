//! Faults of providers, and what operators do to them.

use std::time::Duration;

use indexmap::IndexMap;

use crate::file::names::unknown;
use crate::file::raw::rollout as raw;
use crate::file::raw::scenario::Fault;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::scenario::provider_hosts;
use crate::file::topology::providers::handler;
use crate::plan::{Canary, FaultKind, Provider, ProviderModule, Ratio, Topology};
use crate::scenario::OpenFaultKind;

/// What a provider is told that is not told anything in particular.
const REASON_DEFAULT: &str = "drained";

/// Spec: provider 3.1.
const OBSERVATION_WINDOW_DEFAULT: Duration = Duration::from_secs(30);
const MAX_LATENCY_DEFAULT: Duration = Duration::from_secs(5);
const HEALTH_THRESHOLD_DEFAULT: Ratio = Ratio {
    numerator: 19,
    denominator: 20,
};

/// None when the fault is of another kind; `Some(None)` when it is wrong.
pub(super) fn kind(
    raw: &Fault,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<Option<OpenFaultKind>> {
    let kind = if let Some(loss) = &raw.heartbeat_loss {
        provider_hosts(&loss.provider, topology, problems).map(|(_, hosts)| FaultKind::HeartbeatLoss {
            provider: loss.provider.value.clone(),
            hosts,
            acks: loss.acks.unwrap_or_default(),
        })
    } else if let Some(drain) = &raw.drain_provider {
        drained(drain, topology, problems)
    } else {
        canary(raw.canary.as_ref()?, topology, problems).map(FaultKind::Canary)
    };
    Some(kind.map(OpenFaultKind::Plain))
}

fn drained(raw: &raw::DrainProvider, topology: &Topology, problems: &mut Problems) -> Option<FaultKind> {
    let deadline = raw.deadline.as_ref();
    if let Some(place) = deadline.filter(|deadline| deadline.0.is_zero()) {
        problems.add(Problem::new("`deadline` is 0").at(&place.span, "expected more than 0"));
    }
    let (_, hosts) = provider_hosts(&raw.provider, topology, problems)?;
    let reason = raw.reason.as_ref();
    Some(FaultKind::DrainProvider {
        provider: raw.provider.value.clone(),
        hosts,
        deadline: deadline.map(|deadline| deadline.0),
        reason: reason.map_or_else(|| REASON_DEFAULT.to_owned(), |reason| reason.value.clone()),
    })
}

fn canary(raw: &raw::Canary, topology: &Topology, problems: &mut Problems) -> Option<Canary> {
    for (key, time) in [
        ("observation_window", &raw.observation_window),
        ("max_latency", &raw.max_latency),
    ] {
        if let Some(place) = time.as_ref().filter(|time| time.0.is_zero()) {
            problems.add(Problem::new(format!("`{key}` is 0")).at(&place.span, "expected more than 0"));
        }
    }
    let (provider, hosts) = provider_hosts(&raw.provider, topology, problems)?;
    let observation_window = raw.observation_window.as_ref();
    Some(Canary {
        provider: provider.name.clone(),
        hosts,
        modules: modules(raw, provider, problems)?,
        observation_window: observation_window.map_or(OBSERVATION_WINDOW_DEFAULT, |window| window.0),
        health_threshold: raw
            .health_threshold
            .as_ref()
            .map_or(HEALTH_THRESHOLD_DEFAULT, |threshold| threshold.0),
        max_latency: raw
            .max_latency
            .as_ref()
            .map_or(MAX_LATENCY_DEFAULT, |latency| latency.0),
        rollback: raw.rollback.unwrap_or(true),
    })
}

/// The provider's modules, as they are tried out.
fn modules(
    raw: &raw::Canary,
    provider: &Provider,
    problems: &mut Problems,
) -> Option<IndexMap<String, ProviderModule>> {
    let named: &[(At<String>, At<raw::CanaryModule>)] = raw.module.as_ref().map_or(&[], |modules| &modules.0);
    for (name, _) in named {
        if !provider.modules.contains_key(&name.value) {
            let known = provider.modules.keys().map(String::as_str);
            unknown("module", name, &name.span, known, problems);
        }
    }
    let mut upgraded = |module: &ProviderModule| {
        let own = named.iter().find(|(name, _)| name.value == module.name);
        let raw_handler = own.map(|(_, own)| &own.handler).or(raw.handler.as_ref());
        let handler = match raw_handler {
            Some(raw) => handler(raw, &module.input, &module.output, problems)?,
            None => module.handler.clone(),
        };
        let module = ProviderModule {
            handler,
            version: raw.version.value.clone(),
            ..module.clone()
        };
        Some((module.name.clone(), module))
    };
    let modules: Vec<Option<_>> = provider.modules.values().map(&mut upgraded).collect();
    modules.into_iter().collect()
}
