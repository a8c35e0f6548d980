//! `loss`: links drop segments.

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::{ends, pairs_text};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::{Pairs, Ratio, Topology};
use crate::run::{End, Scene};
use crate::units::Unit;

/// Links drop segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Which links.
    pub pairs: Pairs,
    /// The loss ratio. It replaces the link's own.
    pub ratio: Ratio,
}

tables! {
    /// Which links, and how much they lose
    pub LinkLoss("`loss`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// How many segments are lost. Instead of the link's own loss
        ratio: At<Ranged<Ratio>>,
    }
}

impl Shape for Loss {
    const KEY: &'static str = "loss";
    const ABOUT: &'static str = "Links lose segments";
    type Raw = LinkLoss;

    fn check(raw: &At<LinkLoss>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let pairs = ends!(raw).pairs("`loss`", &raw.span, topology, problems)?;
        let ratio = raw.ratio.value;
        Some(Open::drawn(move |drawn| Loss {
            pairs: pairs.clone(),
            ratio: drawn.draw("loss", ratio),
        }))
    }
}

#[async_trait]
impl FaultKind for Loss {
    fn text(&self) -> String {
        format!("loss {} {}", self.ratio.say(), pairs_text(&self.pairs))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let pairs = scene.pairs(&self.pairs);
        let effect = Effect::SetLoss(pairs, self.ratio.into());
        scene.lasting(effect, end).await;
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
