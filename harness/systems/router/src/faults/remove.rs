//! `remove`: a node is destroyed, and installed again when the fault ends.

use std::time::Duration;

use async_trait::async_trait;
use squall_core::faults::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use squall_core::file::read::At;
use squall_core::file::report::Problems;
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};

use super::{OneNode, node};
use crate::{Place, World};

/// A node is destroyed, and a new instance is installed when the fault ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Remove {
    /// The node. It exists.
    pub node: String,
}

impl Shape for Remove {
    const KEY: &'static str = "remove";
    const ABOUT: &'static str = "A node is destroyed. It is installed again when the fault ends";
    type Raw = OneNode;

    fn check(raw: &At<OneNode>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let node = node(&raw.node, topology, problems)?;
        let struck = Subject::node(&node);
        Some(Open::exactly(Remove { node }).strikes([struck]))
    }
}

#[async_trait]
impl FaultKind for Remove {
    fn text(&self) -> String {
        format!("remove {}", self.node)
    }

    async fn act(&self, scene: &Scene, end: End) {
        // Its owner does not change: no update needs to propagate.
        let at_once = (Duration::ZERO, false);
        if let Some(world) = scene.system::<World>() {
            world
                .elsewhere(scene, &self.node, Place::Nowhere, at_once, end)
                .await;
        }
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Ports {
            of: self.node.clone(),
            late: Duration::ZERO,
        }]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
