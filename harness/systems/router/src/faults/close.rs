//! `close`: the ports of a node accept nothing until the fault ends.

use std::time::Duration;

use async_trait::async_trait;
use squall_core::faults::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use squall_core::file::read::At;
use squall_core::file::report::Problems;
use squall_core::plan::Topology;
use squall_core::run::{End, Scene};

use super::{OneNode, node};
use crate::World;

/// The ports of a node accept nothing until the fault ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Close {
    /// The node. It exists.
    pub node: String,
}

impl Shape for Close {
    const KEY: &'static str = "close";
    const ABOUT: &'static str = "No port of a node can be delivered to until the fault ends";
    type Raw = OneNode;

    fn check(raw: &At<OneNode>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let node = node(&raw.node, topology, problems)?;
        let struck = Subject::node(&node);
        Some(Open::exactly(Close { node }).strikes([struck]))
    }
}

#[async_trait]
impl FaultKind for Close {
    fn text(&self) -> String {
        format!("close {}", self.node)
    }

    async fn act(&self, scene: &Scene, end: End) {
        if let Some(world) = scene.system::<World>() {
            world.closed(scene, &self.node, end).await;
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
