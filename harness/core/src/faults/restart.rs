//! `restart`: processes die, and start again: a `kill` with its own duration key.

use std::time::Duration;

use super::{Kill, Lasts, Open, Shape, Subject};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::report::Problems;
use crate::file::value::Hosts;
use crate::plan::Topology;

/// The key; the fault is a [`Kill`].
pub(super) struct Restart;

tables! {
    /// Which hosts, and how long they stay down
    #[schemars(rename = "Restart")]
    pub(super) Raw("`restart`") {
        /// The hosts that it strikes
        hosts: At<Hosts>,
        /// How long they are down
        down: At<Ranged<Duration>>,
    }
}

impl Shape for Restart {
    const KEY: &'static str = "restart";
    const ABOUT: &'static str = "Processes die and start again after a while";
    type Raw = Raw;

    fn lasts(raw: &Raw) -> Lasts<'_> {
        Lasts::Own("down", &raw.down)
    }

    fn check(raw: &At<Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        let hosts = topology.select(&raw.hosts, problems)?;
        let struck: Vec<Subject> = hosts.iter().map(|host| Subject::host(host)).collect();
        Some(Open::exactly(Kill { hosts }).strikes(struck))
    }
}
