//! `bandwidth`: limits the bandwidth of links.

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::{ends, pairs_text};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::{self, Pairs, Topology};
use crate::run::{End, Scene};
use crate::units::Unit;

/// Limits the bandwidth of links.
#[derive(Debug, Clone, PartialEq)]
pub struct Bandwidth {
    /// Which links.
    pub pairs: Pairs,
    /// The limit. It replaces the link's own bandwidth.
    pub rate: plan::Bandwidth,
}

tables! {
    /// Which links, and how much crosses them
    pub LinkBandwidth("`bandwidth`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// How much crosses each of them, each way. Instead of the link's own bandwidth
        rate: At<Ranged<plan::Bandwidth>>,
    }
}

impl Shape for Bandwidth {
    const KEY: &'static str = "bandwidth";
    const ABOUT: &'static str = "Links are narrower";
    type Raw = LinkBandwidth;

    fn check(raw: &At<LinkBandwidth>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let pairs = ends!(raw).pairs("`bandwidth`", &raw.span, topology, problems)?;
        let rate = raw.rate.value;
        Some(Open::drawn(move |drawn| Bandwidth {
            pairs: pairs.clone(),
            rate: drawn.draw("bandwidth", rate),
        }))
    }
}

#[async_trait]
impl FaultKind for Bandwidth {
    fn text(&self) -> String {
        format!("bandwidth {} {}", self.rate.say(), pairs_text(&self.pairs))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let pairs = scene.pairs(&self.pairs);
        let effect = Effect::SetBandwidth(pairs, self.rate.into());
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
