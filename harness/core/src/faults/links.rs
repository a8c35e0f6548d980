//! Shared by the faults of links: the hosts at both ends, in files and in reports.

use crate::file::hosts::Ends;
use crate::file::read::{At, tables};
use crate::file::report::{Problem, Problems};
use crate::file::value::Hosts;
use crate::plan::{Pairs, Topology};

use super::targets::names;

/// Attempts to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connects {
    /// To these hosts, from any host.
    To(Vec<String>),
    /// Between these hosts, in the direction of the dial.
    Between(Pairs),
}

tables! {
    /// Which links: both ways with `between` and `and`, one way with `from` and `to`
    pub Links("the fault") {
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: one way, from these...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
    }

    /// Which connects: all that go to `hosts`, or those between some hosts, by who dials whom
    #[schemars(rename = "Connects")]
    pub RawConnects("the fault") {
        /// Whoever connects to these
        hosts: Option<At<Hosts>>,
        /// With `and`: one side
        between: Option<At<Hosts>>,
        /// With `between`: the other side
        and: Option<At<Hosts>>,
        /// With `to`: these connect...
        from: Option<At<Hosts>>,
        /// ...to these
        to: Option<At<Hosts>>,
    }
}

/// The four keys that select links.
macro_rules! ends {
    ($raw:expr) => {
        $crate::file::hosts::Ends {
            between: &$raw.between,
            and: &$raw.and,
            from: &$raw.from,
            to: &$raw.to,
        }
    };
}
pub(super) use ends;

impl Links {
    pub(super) fn pairs(
        raw: &At<Self>,
        table: &str,
        topology: &Topology,
        problems: &mut Problems,
    ) -> Option<Pairs> {
        ends!(raw).pairs(table, &raw.span, topology, problems)
    }
}

impl RawConnects {
    pub(super) fn connects(
        raw: &At<Self>,
        table: &str,
        topology: &Topology,
        problems: &mut Problems,
    ) -> Option<Connects> {
        let ends: Ends<'_> = ends!(raw);
        let Some(hosts) = &raw.hosts else {
            if ends.first().is_none() {
                let problem = Problem::new(format!("{table} does not say which connects"))
                    .at(&raw.span, "no hosts are named here")
                    .help("name the `hosts` that are connected to; or both sides, `between` and `and`, or `from` and `to`");
                problems.add_missing(problem);
                return None;
            }
            return ends
                .pairs(table, &raw.span, topology, problems)
                .map(Connects::Between);
        };
        if let Some((key, other)) = ends.first() {
            let problem = Problem::new(format!("{table} has both `hosts` and `{key}`"))
                .at(&other.span, "this names one side")
                .at(&hosts.span, "these are connected to by all others")
                .help(format!("drop `hosts`, or drop `{key}`"));
            problems.add(problem);
            return None;
        }
        topology.select(hosts, problems).map(Connects::To)
    }
}

pub(super) fn pairs_text(pairs: &Pairs) -> String {
    let sign = if pairs.both_ways { "<->" } else { "->" };
    format!("{} {sign} {}", names(&pairs.from), names(&pairs.to))
}

impl Connects {
    pub(super) fn text(&self) -> String {
        match self {
            Connects::To(hosts) => names(hosts),
            Connects::Between(pairs) => pairs_text(pairs),
        }
    }

    /// Whether the fault prevents connects from `from` to `to`.
    pub(crate) fn keep_out(&self, from: &str, to: &str) -> bool {
        let among = |hosts: &[String], host: &str| hosts.iter().any(|other| other == host);
        match self {
            Connects::To(hosts) => among(hosts, to),
            Connects::Between(pairs) => {
                (among(&pairs.from, from) && among(&pairs.to, to))
                    || (pairs.both_ways && among(&pairs.from, to) && among(&pairs.to, from))
            }
        }
    }
}
