//! `latency`: changes the latency of links.

use std::time::Duration;

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::{ends, pairs_text};
use super::{Drawn, FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::draw::Ranged;
use crate::file::latency::ranged;
use crate::file::raw::latency as raw;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::scenario::{exactly_one, span};
use crate::file::value::Hosts;
use crate::plan::{self, Pairs, Topology};
use crate::run::{End, Scene};
use crate::scenario;
use crate::time;

/// Changes the latency of links.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// Which links.
    pub pairs: Pairs,
    /// The latency.
    pub latency: plan::Latency,
    /// Whether it is added to the link's own latency. Otherwise it replaces it.
    pub added: bool,
}

tables! {
    /// Which links, and either `add` or `set`
    pub LinkLatency("`latency`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// On top of the link's own latency
        add: Option<At<raw::Latency<Ranged<Duration>>>>,
        /// Instead of the link's own latency
        set: Option<At<raw::Latency<Ranged<Duration>>>>,
    }
}

impl Shape for Latency {
    const KEY: &'static str = "latency";
    const ABOUT: &'static str = "Links take longer";
    type Raw = LinkLatency;

    fn check(raw: &At<LinkLatency>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let pairs = ends!(raw).pairs("`latency`", &raw.span, topology, problems);
        let keys = [("add", span(&raw.add)), ("set", span(&raw.set))];
        exactly_one("`latency`", &raw.span, &keys, problems)?;
        let latency = raw.add.as_ref().or(raw.set.as_ref());
        let latency = latency.and_then(|raw| ranged(raw, problems));
        let (pairs, latency, added) = (pairs?, latency?, raw.add.is_some());
        Some(Open::drawn(move |drawn| Latency {
            pairs: pairs.clone(),
            latency: draw(&latency, drawn),
            added,
        }))
    }
}

fn draw(latency: &scenario::Latency, drawn: &mut Drawn<'_>) -> plan::Latency {
    match *latency {
        scenario::Latency::Constant(latency) => plan::Latency::Constant(drawn.draw("latency", latency)),
        scenario::Latency::Uniform { min, max } => plan::Latency::Uniform {
            min: drawn.draw("latency min", min),
            max: drawn.draw("latency max", max),
        },
        scenario::Latency::LogNormal { median, p99 } => plan::Latency::LogNormal {
            median: drawn.draw("latency median", median),
            p99: drawn.draw("latency p99", p99),
        },
    }
}

#[async_trait]
impl FaultKind for Latency {
    fn text(&self) -> String {
        let show = |duration: &Duration| time::exact(time::nanos(*duration));
        let latency = match &self.latency {
            plan::Latency::Constant(delay) => show(delay),
            plan::Latency::Uniform { min, max } => format!("{} .. {}", show(min), show(max)),
            plan::Latency::LogNormal { median, p99 } => format!("median {} p99 {}", show(median), show(p99)),
        };
        let sign = if self.added { "+" } else { "" };
        format!("latency {sign}{latency} {}", pairs_text(&self.pairs))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let (pairs, latency) = (scene.pairs(&self.pairs), (&self.latency).into());
        let effect = match self.added {
            true => Effect::AddLatency(pairs, latency),
            false => Effect::SetLatency(pairs, latency),
        };
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
