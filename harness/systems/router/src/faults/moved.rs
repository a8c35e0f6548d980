//! `move`: another module owns a node until the fault ends.

use std::time::Duration;

use async_trait::async_trait;
use squall_core::draw::Ranged;
use squall_core::faults::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use squall_core::file::read::{At, tables};
use squall_core::file::report::{Problem, Problems};
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};

use super::{lateness, lateness_text, module, node};
use crate::plan::Module;
use crate::{Place, World};

/// Another module owns a node until the fault ends. Each move creates a fresh instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The node. It exists.
    pub node: String,
    /// The other module. It exists, and is not the node's own.
    pub to: String,
    /// The maximum propagation delay of a discovery update. It differs per host and update.
    pub late: Duration,
    /// Whether each host gets each update twice.
    pub twice: bool,
}

tables! {
    /// Which node, where it goes, and how that becomes known
    #[schemars(rename = "Move")]
    pub Raw("`move`") {
        /// Its name
        node: At<String>,
        /// The module that has it meanwhile
        to: At<String>,
        /// Each host hears of each change after a time of its own, up to this: also in another order than it
        /// happened. At once when absent
        late: Option<At<Ranged<Duration>>>,
        /// Whether each host hears of each change a second time. false when absent
        twice: Option<bool>,
    }
}

impl Shape for Move {
    const KEY: &'static str = "move";
    const ABOUT: &'static str = "A node is on another module until the fault ends";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let node = node(&raw.node, topology, problems);
        let to = module(&raw.to, topology, problems)?;
        let node = node?;
        if Module::owning(topology, &node).is_some_and(|owner| owner.name == to.name) {
            let problem = Problem::new(format!("`{node}` is on `{}` already", to.name))
                .at(&raw.to.span, "its own module")
                .help("move it to another module");
            problems.add(problem);
            return None;
        }
        let (struck, to) = (Subject::node(&node), to.name.clone());
        let (late, twice) = (lateness(raw.late.as_ref()), raw.twice.unwrap_or_default());
        let open = Open::drawn(move |drawn| Move {
            node: node.clone(),
            to: to.clone(),
            late: drawn.draw("late", late),
            twice,
        });
        Some(open.strikes([struck]))
    }
}

#[async_trait]
impl FaultKind for Move {
    fn text(&self) -> String {
        format!("move {} to {}{}", self.node, self.to, lateness_text(self.late))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let place = Place::Module(self.to.clone());
        let hearing = (self.late, self.twice);
        if let Some(world) = scene.system::<World>() {
            world.elsewhere(scene, &self.node, place, hearing, end).await;
        }
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Ports {
            of: self.node.clone(),
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
