//! `name_failure`: host names do not resolve, or resolve to an unused address.

use async_trait::async_trait;
use squall_sim::Mislead;

use super::targets::names;
use super::{Connects, FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::Topology;
use crate::run::{End, Scene};

/// The names of these hosts do not resolve, for connects and for lookups. Open connections are unaffected.
#[derive(Debug, Clone, PartialEq)]
pub struct NameFailure {
    /// Host names.
    pub hosts: Vec<String>,
    /// Whether they resolve to an unused address instead.
    pub stale: bool,
}

tables! {
    /// Whose names fail, and how
    #[schemars(rename = "NameFailure")]
    pub Raw("`name_failure`") {
        /// The hosts whose names fail
        hosts: At<Hosts>,
        /// Whether their names resolve to an address where nobody is, as an old record does. false when absent: they
        /// do not resolve
        stale: Option<bool>,
    }
}

impl Shape for NameFailure {
    const KEY: &'static str = "name_failure";
    const ABOUT: &'static str =
        "Host names do not resolve, or resolve to an address where nobody is; open connections go on";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let hosts = topology.select(&raw.hosts, problems)?;
        let struck: Vec<Subject> = hosts.iter().map(|host| subject(host)).collect();
        let stale = raw.stale.unwrap_or_default();
        Some(Open::exactly(NameFailure { hosts, stale }).strikes(struck))
    }
}

fn subject(host: &str) -> Subject {
    Subject {
        name: host.to_owned(),
        rule: "a name fails in one way at a time",
    }
}

#[async_trait]
impl FaultKind for NameFailure {
    fn text(&self) -> String {
        let how = if self.stale { " stale" } else { "" };
        format!("name failure {}{how}", names(&self.hosts))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let means = if self.stale {
            Mislead::Nobody
        } else {
            Mislead::Nothing
        };
        for host in &self.hosts {
            scene.sim().mislead(scene.number(), host, means);
        }
        end.reached(scene).await;
        scene.sim().end_mislead(scene.number());
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Connects(Connects::To(self.hosts.clone()))]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
