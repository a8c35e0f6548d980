//! `slow`: each poll of a host's tasks costs virtual CPU time, so that its queue grows.

use std::time::Duration;

use async_trait::async_trait;

use super::targets::{calls_of, calls_where_they_show, names};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Touches};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::scenario::not_zero;
use crate::file::value::Hosts;
use crate::plan::Topology;
use crate::run::{End, Scene};
use crate::time;

/// Each poll of a task on these hosts costs this much virtual CPU time. Concurrent faults add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Slow {
    /// Host names.
    pub hosts: Vec<String>,
    /// The cost of one poll.
    pub per_poll: Duration,
}

tables! {
    /// Which hosts, and how slow they are
    #[schemars(rename = "Slow")]
    pub Raw("`slow`") {
        /// The hosts that are slow
        hosts: At<Hosts>,
        /// The CPU time that each poll of a task takes, of the one CPU that a process has. A call is some three polls of its
        /// callee
        per_poll: At<Ranged<Duration>>,
    }
}

impl Shape for Slow {
    const KEY: &'static str = "slow";
    const ABOUT: &'static str = "Hosts compute slowly: what is ready waits in a queue that grows";
    type Raw = Raw;

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        not_zero("per_poll", Some(&raw.per_poll), problems);
        let hosts = topology.select(&raw.hosts, problems)?;
        let per_poll = raw.per_poll.value;
        Some(Open::drawn(move |drawn| Slow {
            hosts: hosts.clone(),
            per_poll: drawn.draw("per_poll", per_poll),
        }))
    }
}

#[async_trait]
impl FaultKind for Slow {
    fn text(&self) -> String {
        let per_poll = time::exact(time::nanos(self.per_poll));
        format!("slow {}, {per_poll} a poll", names(&self.hosts))
    }

    async fn act(&self, scene: &Scene, end: End) {
        let hosts = scene.hosts(&self.hosts);
        for host in &hosts {
            scene.sim().slow_down(scene.number(), *host, self.per_poll);
        }
        end.reached(scene).await;
        for host in hosts {
            scene.sim().end_slow_down(scene.number(), host);
        }
    }

    fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
        calls_of(&self.hosts, past)
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, topology: &Topology) -> MustTouch {
        calls_where_they_show(&self.hosts, topology)
    }
}
