//! `reset`: open connections are reset, at one instant.

use async_trait::async_trait;

use super::links::{Links, pairs_text};
use super::{FaultKind, Heals, Lasts, MustTouch, Open, Past, Shape, Touches};
use crate::file::read::At;
use crate::file::report::Problems;
use crate::plan::{Pairs, Topology};
use crate::run::{End, Scene};

/// The connections between these hosts are reset. The fault is instantaneous.
#[derive(Debug, Clone, PartialEq)]
pub struct Reset(pub Pairs);

impl Shape for Reset {
    const KEY: &'static str = "reset";
    const ABOUT: &'static str = "Connections are reset, at one instant";
    type Raw = Links;

    fn lasts(_raw: &Self::Raw) -> Lasts<'_> {
        Lasts::Instant("drop `for`; to keep connections from coming back, add a `refuse` or a `blackhole`")
    }

    fn check(raw: &At<Links>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        Links::pairs(raw, "`reset`", topology, problems).map(|pairs| Open::exactly(Reset(pairs)))
    }
}

#[async_trait]
impl FaultKind for Reset {
    fn text(&self) -> String {
        format!("reset {}", pairs_text(&self.0))
    }

    async fn act(&self, scene: &Scene, _end: End) {
        scene.sim().reset(scene.number(), &scene.pairs(&self.0));
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
