//! `drain_provider`: a provider is asked to drain and leave.

use std::time::Duration;

use async_trait::async_trait;
use squall_core::faults::{FaultKind, Heals, Lasts, MustTouch, Open, Past, Shape, Touches};
use squall_core::file::read::{At, tables};
use squall_core::file::report::{Problem, Problems};
use squall_core::file::value::Exact;
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};
use squall_core::time;

use crate::Fleet;
use crate::file::provider_hosts;

/// The reason if the file has none.
const REASON_DEFAULT: &str = "drained";

/// How long a manager waits for a draining provider by default. Spec: provider 2.1.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// Managers ask providers to drain and leave. The fault is instantaneous.
#[derive(Debug, Clone, PartialEq)]
pub struct DrainProvider {
    /// The provider, or one of its hosts, as named in the file.
    pub provider: String,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Their deadline; `None` is their managers' default.
    pub deadline: Option<Duration>,
    /// The reason sent to them.
    pub reason: String,
}

tables! {
    /// Who is asked to end what it has, and to leave
    #[schemars(rename = "DrainProvider")]
    pub Raw("`drain_provider`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// How long it has. As long as its manager says when absent: 30s
        deadline: Option<At<Exact<Duration>>>,
        /// What it is told. "drained" when absent
        reason: Option<At<String>>,
    }
}

impl Shape for DrainProvider {
    const KEY: &'static str = "drain_provider";
    const ABOUT: &'static str = "A provider is asked to end what it has, and to leave";
    type Raw = Raw;

    fn lasts(_raw: &Raw) -> Lasts<'_> {
        Lasts::Instant(
            "drop `for`: a provider that was drained has left; how long it may take is its `deadline`",
        )
    }

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let deadline = raw.deadline.as_ref();
        if let Some(place) = deadline.filter(|deadline| deadline.0.is_zero()) {
            problems.add(Problem::new("`deadline` is 0").at(&place.span, "expected more than 0"));
        }
        let (_, hosts) = provider_hosts(&raw.provider, topology, problems)?;
        let reason = raw.reason.as_ref();
        Some(Open::exactly(DrainProvider {
            provider: raw.provider.value.clone(),
            hosts,
            deadline: deadline.map(|deadline| deadline.0),
            reason: reason.map_or_else(|| REASON_DEFAULT.to_owned(), |reason| reason.value.clone()),
        }))
    }
}

#[async_trait]
impl FaultKind for DrainProvider {
    fn text(&self) -> String {
        let deadline = self
            .deadline
            .map(|deadline| format!(", deadline {}", time::exact(time::nanos(deadline))));
        format!("drain provider {}{}", self.provider, deadline.unwrap_or_default())
    }

    async fn act(&self, scene: &Scene, _end: End) {
        if let Some(fleet) = scene.system::<Fleet>() {
            fleet.drain(scene.sim(), &self.hosts, &self.reason, self.deadline);
        }
    }

    fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
        let deadline = time::nanos(self.deadline.unwrap_or(DEADLINE_DEFAULT));
        vec![Touches::Served {
            hosts: self.hosts.clone(),
            until: past.started.saturating_add(deadline),
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
