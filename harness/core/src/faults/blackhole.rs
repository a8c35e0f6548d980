//! `blackhole`: connects get no response; open connections are unaffected.

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::{Connects, RawConnects};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::file::read::At;
use crate::file::report::Problems;
use crate::plan::Topology;
use crate::run::{End, Scene};

/// Connects get no response; open connections are unaffected.
#[derive(Debug, Clone, PartialEq)]
pub struct Blackhole(pub Connects);

impl Shape for Blackhole {
    const KEY: &'static str = "blackhole";
    const ABOUT: &'static str = "Connects are never answered; open connections go on";
    type Raw = RawConnects;

    fn check(raw: &At<RawConnects>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        RawConnects::connects(raw, "`blackhole`", topology, problems)
            .map(|connects| Open::exactly(Blackhole(connects)))
    }
}

#[async_trait]
impl FaultKind for Blackhole {
    fn text(&self) -> String {
        format!("blackhole {}", self.0.text())
    }

    async fn act(&self, scene: &Scene, end: End) {
        scene
            .lasting(Effect::Blackhole(scene.connects(&self.0)), end)
            .await;
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Connects(self.0.clone())]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
