//! `pause`: processes are not scheduled until the fault ends.

use async_trait::async_trait;

use super::targets::{Targets, calls_of, calls_where_they_show, names};
use super::{FaultKind, Heals, MustTouch, Open, Past, Shape, Subject, Touches};
use crate::file::read::At;
use crate::file::report::Problems;
use crate::plan::Topology;
use crate::run::{End, Scene};

/// The processes are not scheduled; their kernels keep running.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// Host names.
    pub hosts: Vec<String>,
}

impl Shape for Pause {
    const KEY: &'static str = "pause";
    const ABOUT: &'static str = "Processes are not scheduled until the fault ends";
    type Raw = Targets;

    fn check(raw: &At<Targets>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let hosts = topology.select(&raw.hosts, problems)?;
        let struck: Vec<Subject> = hosts.iter().map(|host| Subject::host(host)).collect();
        Some(Open::exactly(Pause { hosts }).strikes(struck))
    }
}

#[async_trait]
impl FaultKind for Pause {
    fn text(&self) -> String {
        format!("pause {}", names(&self.hosts))
    }

    async fn act(&self, scene: &Scene, end: End) {
        scene.paused(&self.hosts, end).await;
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
