//! `announce`: discovery announces a module on other hosts, until the fault ends.

use std::time::Duration;

use async_trait::async_trait;
use squall_core::draw::Ranged;
use squall_core::faults::targets::names;
use squall_core::faults::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use squall_core::file::read::{At, tables};
use squall_core::file::report::{Problem, Problems};
use squall_core::file::value::Hosts;
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};

use super::{lateness, lateness_text, module};
use crate::World;

/// Discovery announces a module on these hosts only; on all of its hosts when the fault ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Announce {
    /// The module. It exists.
    pub module: String,
    /// Some of its hosts; without any it is not discovered.
    pub hosts: Vec<String>,
    /// The maximum propagation delay of a discovery update. It differs per host and update.
    pub late: Duration,
    /// Whether each host gets each update twice.
    pub twice: bool,
}

tables! {
    /// Where a module runs, and how that becomes known
    #[schemars(rename = "Announce")]
    pub Raw("`announce`") {
        /// The module
        module: At<String>,
        /// Those of its hosts that it runs on. Nowhere when absent: it is not discovered
        hosts: Option<At<Hosts>>,
        /// Each host hears of each change after a time of its own, up to this: also in another order than it
        /// happened. At once when absent
        late: Option<At<Ranged<Duration>>>,
        /// Whether each host hears of each change a second time. false when absent
        twice: Option<bool>,
    }
}

impl Shape for Announce {
    const KEY: &'static str = "announce";
    const ABOUT: &'static str = "Discovery says that a module runs elsewhere, until the fault ends";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let module = module(&raw.module, topology, problems);
        let hosts = match &raw.hosts {
            Some(hosts) => topology.select(hosts, problems)?,
            None => Vec::new(),
        };
        let module = module?;
        let other = hosts.iter().find(|host| !module.hosts.contains(host));
        if let Some((other, place)) = other.zip(raw.hosts.as_ref()) {
            let problem = Problem::new(format!("`{other}` is no host of `{}`", module.name))
                .at(&place.span, "others would be sent to the wrong module")
                .help("announce some of the module's own hosts; give it `replicas` in the topology to have several");
            problems.add(problem);
            return None;
        }
        let late = lateness(raw.late.as_ref());
        let (module, twice) = (module.name.clone(), raw.twice.unwrap_or_default());
        let struck = Subject::endpoints(&module);
        let open = Open::drawn(move |drawn| Announce {
            module: module.clone(),
            hosts: hosts.clone(),
            late: drawn.draw("late", late),
            twice,
        });
        Some(open.strikes([struck]))
    }
}

#[async_trait]
impl FaultKind for Announce {
    fn text(&self) -> String {
        let place = match &self.hosts[..] {
            [] => "nowhere".to_owned(),
            hosts => format!("on {}", names(hosts)),
        };
        format!("announce {} {place}{}", self.module, lateness_text(self.late))
    }

    async fn act(&self, scene: &Scene, end: End) {
        if let Some(world) = scene.system::<World>() {
            let hearing = (self.late, self.twice);
            world
                .announced(scene, &self.module, &self.hosts, hearing, end)
                .await;
        }
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Group {
            name: self.module.clone(),
            late: self.late,
        }]
    }

    fn heals(&self) -> Heals {
        Heals::Later(self.late)
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
