//! `[cluster.*]`: nodes, and the behaviours of their actors.

use std::time::Duration;

use squall_core::file::names::{Names, check_name, unknown};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::settings::{self, Sort};
use squall_core::file::tables::{HostShape, SaidHosts};
use squall_core::file::value::Exact;
use squall_core::plan::Topology;

use super::{OfBehaviours, RESTARTS_MAX, raw};
use crate::plan::{ClusterActor, ClusterNode, Restarts};

/// The default: that of the transport.
const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

impl HostShape for raw::Cluster {
    const KEY: &'static str = "cluster";
    const ABOUT: &'static str = "The nodes of a cluster, by name. Each is one host, and runs actors";
    const IS_ENOUGH: bool = true;

    fn replicas(&self) -> Option<&At<u64>> {
        None
    }
}

/// Adds the nodes to the topology, including invalid ones, for which problems are added.
pub(super) fn resolve(said: &SaidHosts<'_>, topology: &mut Topology, problems: &mut Problems) -> Option<()> {
    for (name, raw) in said.of::<raw::Cluster>() {
        let node = node(name, raw, said.names, problems);
        topology.all_mut::<ClusterNode>().insert(name.value.clone(), node);
    }
    Some(())
}

fn node(name: &At<String>, raw: &raw::Cluster, names: &Names, problems: &mut Problems) -> ClusterNode {
    check_time("a delivery", raw.call_timeout.as_ref(), problems);
    let actors = raw.actor.iter().flat_map(|actors| &actors.0);
    let actors = actors.map(|(id, raw)| (id.value.clone(), actor(id, raw, names, problems)));
    let actors = actors.collect();
    ClusterNode {
        name: name.value.clone(),
        hosts: [name.value.clone()],
        call_timeout: raw
            .call_timeout
            .as_ref()
            .map_or(CALL_TIMEOUT_DEFAULT, |timeout| timeout.0),
        restart: raw.restart.as_ref().map(|restart| restarts(restart, problems)),
        actors,
    }
}

fn actor(id: &At<String>, raw: &raw::Actor, names: &Names, problems: &mut Problems) -> ClusterActor {
    check_name("node's actor", id, problems);
    let behaviours = names.of_sort::<OfBehaviours>();
    let of = settings::Of {
        sort: Sort::with_settings("behaviour"),
        name: &raw.src,
        settings: raw.settings.as_ref().map(|settings| &settings.0),
    };
    match behaviours.get(&raw.src) {
        Some(known) => settings::check_known(&of, known, behaviours, problems),
        None => unknown("behaviour", &raw.src, &raw.src.span, behaviours.iter(), problems),
    }
    ClusterActor {
        id: id.value.clone(),
        src: raw.src.value.clone(),
        settings: of
            .settings
            .map_or_else(|| serde_json::json!({}), |settings| settings.value.clone()),
    }
}

fn restarts(raw: &raw::Restart, problems: &mut Problems) -> Restarts {
    let at_most = &raw.at_most;
    if !(1..=RESTARTS_MAX).contains(&at_most.value) {
        let problem = Problem::new(format!("an actor cannot be restarted {} times", at_most.value))
            .at(&at_most.span, format!("expected 1 to {RESTARTS_MAX}"))
            .help("leave `restart` out, so that failed actors stay down");
        problems.add(problem);
    }
    check_time("a window of restarts", raw.within.as_ref(), problems);
    Restarts {
        at_most: u32::try_from(at_most.value).unwrap_or(u32::MAX),
        within: raw.within.as_ref().map(|within| within.0),
    }
}

fn check_time(what: &str, time: Option<&At<Exact<Duration>>>, problems: &mut Problems) {
    if let Some(time) = time.filter(|time| time.0.is_zero()) {
        problems.add(Problem::new(format!("{what} needs time")).at(&time.span, "expected more than 0"));
    }
}
