//! `clock`: wall clocks jump, and jump back when the fault ends.

use std::time::Duration;

use async_trait::async_trait;

use super::targets::names;
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::scenario::{exactly_one, not_zero, span};
use crate::file::value::Hosts;
use crate::plan::{ClockShift, Topology};
use crate::run::{End, Scene};
use crate::time;

/// The hosts' wall clocks jump, and jump back when the fault ends. Concurrent faults add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Host names.
    pub hosts: Vec<String>,
    /// Direction and distance.
    pub shift: ClockShift,
}

tables! {
    /// Which hosts, and either `ahead` or `behind`
    #[schemars(rename = "Clock")]
    pub Raw("`clock`") {
        /// The hosts whose wall clocks jump
        hosts: At<Hosts>,
        /// So far into the future
        ahead: Option<At<Ranged<Duration>>>,
        /// So far into the past
        behind: Option<At<Ranged<Duration>>>,
    }
}

impl Shape for Clock {
    const KEY: &'static str = "clock";
    const ABOUT: &'static str = "Wall clocks jump, and jump back when the fault ends";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let hosts = topology.select(&raw.hosts, problems);
        let keys = [("ahead", span(&raw.ahead)), ("behind", span(&raw.behind))];
        let key = exactly_one("`clock`", &raw.span, &keys, problems)?;
        let by = raw.ahead.as_ref().or(raw.behind.as_ref());
        not_zero(key, by, problems);
        let (hosts, by, ahead) = (hosts?, by?.value, raw.ahead.is_some());
        Some(Open::drawn(move |drawn| Clock {
            hosts: hosts.clone(),
            shift: match ahead {
                true => ClockShift::Ahead(drawn.draw("clock", by)),
                false => ClockShift::Behind(drawn.draw("clock", by)),
            },
        }))
    }
}

#[async_trait]
impl FaultKind for Clock {
    fn text(&self) -> String {
        let (by, way) = match self.shift {
            ClockShift::Ahead(by) => (by, "ahead"),
            ClockShift::Behind(by) => (by, "behind"),
        };
        format!(
            "clock {} {} {way}",
            names(&self.hosts),
            time::exact(time::nanos(by))
        )
    }

    async fn act(&self, scene: &Scene, end: End) {
        let hosts = scene.hosts(&self.hosts);
        let shift = |shift: ClockShift| {
            for host in &hosts {
                scene.sim().shift_clock(*host, shift);
            }
        };
        shift(self.shift);
        end.reached(scene).await;
        shift(self.shift.reversed());
    }

    fn touches(&self, _past: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Hosts(self.hosts.clone())]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _topology: &Topology) -> MustTouch {
        MustTouch::Anything
    }
}
