//! `partition`: no segment is delivered between hosts.

use async_trait::async_trait;
use squall_sim::Effect;

use super::links::ends;
use super::targets::names;
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::file::hosts::pairs;
use crate::file::read::{At, tables};
use crate::file::report::{Problem, Problems};
use crate::file::value::Hosts;
use crate::plan::{Pairs, Topology};
use crate::run::{End, Scene};

/// Segments are held between these hosts, and retransmitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition(pub Pairs);

tables! {
    /// Both ways with `between` and `and`, one way with `from` and `to`, or `isolate` from the rest
    #[schemars(rename = "Partition")]
    pub Raw("`partition`") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: nothing gets through from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
        /// Nothing gets through between these and all others
        isolate: Option<At<Hosts>>,
    }
}

impl Shape for Partition {
    const KEY: &'static str = "partition";
    const ABOUT: &'static str = "Nothing gets through between hosts";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let Some(isolate) = &raw.isolate else {
            let pairs = ends!(raw).pairs("`partition`", &raw.span, topology, problems);
            return pairs.map(|pairs| Open::exactly(Partition(pairs)));
        };
        if let Some((key, hosts)) = ends!(raw).first() {
            let problem = Problem::new(format!("`partition` has both `isolate` and `{key}`"))
                .at(&hosts.span, "this names one side")
                .at(&isolate.span, "this is cut off from all others")
                .help(format!("drop `isolate`, or drop `{key}`"));
            problems.add(problem);
            return None;
        }
        let hosts = topology.select(isolate, problems)?;
        let rest = topology.all_but(&hosts);
        if rest.is_empty() {
            let problem = Problem::new("these are all hosts")
                .at(&isolate.span, "nobody is left to be isolated from")
                .help("isolate some of the hosts");
            problems.add(problem);
            return None;
        }
        pairs(hosts, rest, true, &isolate.span, problems).map(|pairs| Open::exactly(Partition(pairs)))
    }
}

#[async_trait]
impl FaultKind for Partition {
    fn text(&self) -> String {
        let Partition(pairs) = self;
        let sign = if pairs.both_ways { "|" } else { "-|" };
        format!("partition {} {sign} {}", names(&pairs.from), names(&pairs.to))
    }

    async fn act(&self, scene: &Scene, end: End) {
        scene.lasting(Effect::Hold(scene.pairs(&self.0)), end).await;
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
