//! `canary`: a provider tries a new version of its modules, manager by manager.

use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;
use squall_core::faults::targets::names;
use squall_core::faults::{FaultKind, Heals, Lasts, MustTouch, Open, Past, Shape, Touches};
use squall_core::file::names::unknown;
use squall_core::file::read::{At, Named, tables};
use squall_core::file::report::{Problem, Problems};
use squall_core::file::value::Exact;
use squall_core::plan::{Ratio, Topology};
use squall_core::run::{End, Scene};
use squall_core::time;

use crate::Fleet;
use crate::evidence::Providers;
use crate::file::raw::Handler;
use crate::file::{handler, provider_hosts};
use crate::plan::{Canary, Provider, ProviderModule};

/// Spec: provider 3.1.
const OBSERVATION_WINDOW_DEFAULT: Duration = Duration::from_secs(30);
const MAX_LATENCY_DEFAULT: Duration = Duration::from_secs(5);
const HEALTH_THRESHOLD_DEFAULT: Ratio = Ratio {
    numerator: 19,
    denominator: 20,
};

tables! {
    /// Who tries out which modules
    #[schemars(rename = "Canary")]
    pub Raw("`canary`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// What the modules say that they are
        version: At<String>,
        /// What all modules do, but those that `module` names. What they did before when absent
        handler: Option<At<Handler>>,
        /// Modules that do something of their own, by short name
        module: Option<Named<CanaryModule>>,
        /// How long each step is watched. 30s when absent
        observation_window: Option<At<Exact<Duration>>>,
        /// The least share of calls that have to be ok. 95% when absent
        health_threshold: Option<At<Exact<Ratio>>>,
        /// The most that a call may take. 5s when absent
        max_latency: Option<At<Exact<Duration>>>,
        /// Whether all go back when one fails. true when absent
        rollback: Option<bool>,
    }

    /// What one module does
    pub CanaryModule("a module of `canary`") {
        /// What it does when it is called
        handler: At<Handler>,
    }
}

impl Shape for Canary {
    const KEY: &'static str = "canary";
    const ABOUT: &'static str = "A provider tries out other modules, manager by manager";
    type Raw = Raw;

    fn lasts(_raw: &Raw) -> Lasts<'_> {
        Lasts::Instant("drop `for`: a canary ends by itself, one `observation_window` after the other")
    }

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        canary(raw, topology, problems).map(Open::exactly)
    }
}

fn canary(raw: &Raw, topology: &Topology, problems: &mut Problems) -> Option<Canary> {
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

/// The provider's modules in the new version.
fn modules(
    raw: &Raw,
    provider: &Provider,
    problems: &mut Problems,
) -> Option<IndexMap<String, ProviderModule>> {
    let named: &[(At<String>, At<CanaryModule>)] = raw.module.as_ref().map_or(&[], |modules| &modules.0);
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

#[async_trait]
impl FaultKind for Canary {
    fn text(&self) -> String {
        let window = time::exact(time::nanos(self.observation_window));
        format!("canary {}, window {window}", names(&self.hosts))
    }

    async fn act(&self, scene: &Scene, _end: End) {
        if let Some(fleet) = scene.system::<Fleet>() {
            fleet.try_out(scene, self);
        }
    }

    fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
        let providers = past.folded(Providers::of);
        let canaries = providers.canaries.iter();
        let of_host = canaries.filter(|it| self.hosts.iter().any(|host| **host == *it.host));
        let ends = of_host.filter_map(|it| it.end.as_ref()).map(|end| end.moment.at);
        vec![Touches::Served {
            hosts: self.hosts.clone(),
            until: ends.filter(|end| *end >= past.started).max().unwrap_or(u64::MAX),
            all: true,
        }]
    }

    fn heals(&self) -> Heals {
        Heals::Never
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Nothing
    }
}
