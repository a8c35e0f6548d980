//! `hold`: links hold back segments, and deliver them when the fault ends.

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::{Links, pairs_text};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::file::read::At;
use crate::file::report::Problems;
use crate::plan::{Pairs, Topology};
use crate::run::{End, Scene};

/// Segments between these hosts are held back, and delivered when the fault ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold(pub Pairs);

impl Shape for Hold {
    const KEY: &'static str = "hold";
    const ABOUT: &'static str = "Segments stop on their links, and go on when the fault ends";
    type Raw = Links;

    fn check(raw: &At<Links>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        Links::pairs(raw, "`hold`", topology, problems).map(|pairs| Open::exactly(Hold(pairs)))
    }
}

#[async_trait]
impl FaultKind for Hold {
    fn text(&self) -> String {
        format!("hold {}", pairs_text(&self.0))
    }

    async fn act(&self, scene: &Scene, end: End) {
        scene.lasting(Effect::Stall(scene.pairs(&self.0)), end).await;
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        Vec::new()
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
