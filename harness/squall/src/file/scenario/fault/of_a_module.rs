//! Faults of modules: what they hold, whether they serve, and what is known of them.

use std::time::Duration;

use crate::draw::Ranged;
use crate::file::names::unknown;
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::{FaultKind, Module, Topology};
use crate::scenario::OpenFaultKind;

/// How long a server waits that is told nothing.
const GRACE_DEFAULT: Duration = Duration::from_secs(10);

/// None when the fault is of another kind; `Some(None)` when it is wrong.
pub(super) fn kind(
    raw: &raw::Fault,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<Option<OpenFaultKind>> {
    let plain = |kind: Option<FaultKind>| Some(kind.map(OpenFaultKind::Plain));
    if let Some(drain) = &raw.drain {
        let grace = drain.grace.as_ref();
        let hosts = topology.select(&drain.hosts, problems);
        Some(hosts.map(|hosts| OpenFaultKind::Drain {
            hosts,
            grace: grace.map_or_else(|| Ranged::exactly(GRACE_DEFAULT), |grace| grace.value),
        }))
    } else if let Some(remove) = &raw.remove {
        let node = node(&remove.node, topology, problems);
        plain(node.map(|node| FaultKind::Remove { node }))
    } else if let Some(close) = &raw.close {
        let node = node(&close.node, topology, problems);
        plain(node.map(|node| FaultKind::Close { node }))
    } else if let Some(moving) = &raw.r#move {
        Some(moved(moving, topology, problems))
    } else {
        let announce = raw.announce.as_ref()?;
        Some(announced(announce, topology, problems))
    }
}

fn node(name: &At<String>, topology: &Topology, problems: &mut Problems) -> Option<String> {
    if topology.owner(name).is_none() {
        let nodes = topology.modules.values().flat_map(|module| module.nodes.keys());
        unknown("node", name, &name.span, nodes.map(String::as_str), problems);
        return None;
    }
    Some(name.value.clone())
}

fn module<'t>(name: &At<String>, topology: &'t Topology, problems: &mut Problems) -> Option<&'t Module> {
    let module = topology.modules.get(&name.value);
    if module.is_none() {
        let modules = topology.modules.keys().map(String::as_str);
        unknown("module", name, &name.span, modules, problems);
    }
    module
}

fn moved(raw: &raw::Move, topology: &Topology, problems: &mut Problems) -> Option<OpenFaultKind> {
    let node = node(&raw.node, topology, problems);
    let to = module(&raw.to, topology, problems)?;
    let node = node?;
    if topology.owner(&node).is_some_and(|owner| owner.name == to.name) {
        let problem = Problem::new(format!("`{node}` is on `{}` already", to.name))
            .at(&raw.to.span, "its own module")
            .help("move it to another module");
        problems.add(problem);
        return None;
    }
    Some(OpenFaultKind::Move {
        node,
        to: to.name.clone(),
        late: lateness(raw.late.as_ref()),
        twice: raw.twice.unwrap_or_default(),
    })
}

fn announced(raw: &raw::Announce, topology: &Topology, problems: &mut Problems) -> Option<OpenFaultKind> {
    let module = module(&raw.module, topology, problems);
    let hosts = match &raw.hosts {
        Some(hosts) => topology.select(hosts, problems)?,
        None => Vec::new(),
    };
    let module = module?;
    if let Some((other, place)) = hosts
        .iter()
        .find(|host| !module.hosts.contains(host))
        .zip(raw.hosts.as_ref())
    {
        let problem = Problem::new(format!("`{other}` is no host of `{}`", module.name))
            .at(&place.span, "others would be sent to the wrong module")
            .help(
                "announce some of the module's own hosts; give it `replicas` in the topology to have several",
            );
        problems.add(problem);
        return None;
    }
    Some(OpenFaultKind::Announce {
        module: module.name.clone(),
        hosts,
        late: lateness(raw.late.as_ref()),
        twice: raw.twice.unwrap_or_default(),
    })
}

fn lateness(late: Option<&At<Ranged<Duration>>>) -> Ranged<Duration> {
    late.map_or_else(|| Ranged::exactly(Duration::ZERO), |late| late.value)
}
