//! `drain`: servers shut down gracefully, and their processes start again when the fault ends.

use std::time::Duration;

use async_trait::async_trait;

use super::targets::{calls_of, calls_where_they_show, names};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::Topology;
use crate::run::{End, Scene};
use crate::time;

/// The grace period when the file sets none.
const GRACE_DEFAULT: Duration = Duration::from_secs(10);

/// The servers shut down gracefully, and their processes start again when the fault ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Drain {
    /// Host names.
    pub hosts: Vec<String>,
    /// How long they wait for in-flight requests.
    pub grace: Duration,
}

tables! {
    /// Which hosts, and how long they wait
    #[schemars(rename = "Drain")]
    pub Raw("`drain`") {
        /// The hosts whose servers shut down
        hosts: At<Hosts>,
        /// How long they wait for what is in the works, before they cancel it. 10s when absent
        grace: Option<At<Ranged<Duration>>>,
    }
}

impl Shape for Drain {
    const KEY: &'static str = "drain";
    const ABOUT: &'static str = "Servers shut down in phases. Their processes start anew when the fault ends";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let hosts = topology.select(&raw.hosts, problems)?;
        let grace = raw.grace.as_ref();
        let grace = grace.map_or_else(|| Ranged::exactly(GRACE_DEFAULT), |grace| grace.value);
        let struck: Vec<Subject> = hosts.iter().map(|host| Subject::host(host)).collect();
        let open = Open::drawn(move |drawn| Drain {
            hosts: hosts.clone(),
            grace: drawn.draw("grace", grace),
        });
        Some(open.strikes(struck))
    }
}

#[async_trait]
impl FaultKind for Drain {
    fn text(&self) -> String {
        let grace = time::exact(time::nanos(self.grace));
        format!("drain {}, grace {grace}", names(&self.hosts))
    }

    async fn act(&self, scene: &Scene, end: End) {
        scene.drain_servers(&self.hosts);
        end.reached(scene).await;
        scene.restart(&self.hosts);
    }

    fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
        calls_of(&self.hosts, past)
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, topology: &Topology) -> MustTouch {
        calls_where_they_show(&self.hosts, topology)
    }
}
