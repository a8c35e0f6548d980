//! Converts the raw topology to a [`Topology`]: resolves names, hosts and links.

use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;

use super::hosts::{Ends, pairs};
use super::latency;
use super::names::{Names, check_name};
use super::raw::custom::{CustomHosts, WithCustom};
use super::raw::topology as raw;
use super::read::At;
use super::report::{Problem, Problems};
use super::tables::{HostTable, SaidHosts};
use crate::custom::Extended;
use crate::lists::Lists;
use crate::plan::{EngineKind, Groups, Latency, Link, Network, Pairs, Ratio, Topology};

const REPLICAS_MAX: u64 = 1000;
const HOSTS_MAX: usize = 10_000;

/// The default.
const LATENCY_DEFAULT: Duration = Duration::from_millis(1);

/// Resolves the names in a topology. `None` if it is too broken to continue. Problems may be added in either case.
pub(crate) fn resolve(
    raw: WithCustom<raw::Topology, CustomHosts>,
    components: &Names,
    problems: &mut Problems,
) -> Option<Topology> {
    let WithCustom { table, custom } = raw;
    let raw::Topology { common: raw, hosts } = table;
    let hosts = SaidHosts {
        given: &hosts,
        custom: &custom,
        names: components,
    };
    let lists = components.kinds().lists;
    check_hosts(&raw.name, &hosts, lists, problems);
    for of_system in lists.hosts {
        (of_system.check)(&hosts, problems);
    }
    let network = raw.network.as_ref().map(|network| &network.value);
    let mut topology = Topology {
        name: raw.name.value.clone(),
        description: raw.description.map(|description| description.value),
        network: Network {
            latency: network
                .and_then(|network| network.latency.as_ref())
                .map_or(Some(Latency::Constant(LATENCY_DEFAULT)), |latency| {
                    latency::exact(latency, problems)
                })?,
            loss: network
                .and_then(|network| network.loss.as_ref())
                .map_or(Ratio::ZERO, |loss| loss.value.0),
            bandwidth: network
                .and_then(|network| network.bandwidth.as_ref())
                .map(|bandwidth| bandwidth.value.0),
            engine: network
                .and_then(|network| network.engine.as_ref())
                .map_or(EngineKind::default(), |engine| engine.value.0),
        },
        links: Vec::new(),
        groups: Groups::default(),
    };
    for of_system in lists.hosts {
        (of_system.resolve)(&hosts, &mut topology, problems)?;
    }
    for raw in raw.link.unwrap_or_default() {
        topology.links.extend(link(&raw, &topology, problems));
    }
    Some(topology)
}

/// Everything with hosts: names are unique across all kinds.
fn check_hosts(topology: &At<String>, said: &SaidHosts<'_>, lists: &Lists, problems: &mut Problems) {
    let tables = || lists.tables();
    let is_there = |table: &HostTable| table.is_enough && !table.hosts(said.given).is_empty();
    if !tables().any(is_there) && said.custom.is_empty() {
        let missing = listed(raw::enough(lists).map(|table| format!("no {table}")));
        let problem = Problem::new(format!("the topology has {missing}"));
        problems.add_missing(problem.at(&topology.span, "a topology of nothing"));
    }
    let built_in = tables().flat_map(|table| {
        let hosts = table.hosts(said.given).into_iter();
        hosts.map(|(name, replicas)| (table.key.name, name, replicas))
    });
    let custom = said.custom.iter().flat_map(|of| {
        let hosts = of.hosts.0.iter();
        hosts.map(|(name, host)| (of.kind, name, host.replicas.as_ref()))
    });
    let mut hosts: IndexMap<String, Range<usize>> = IndexMap::new();
    for (kind, name, replicas) in built_in.chain(custom) {
        check_name(kind, name, problems);
        let impossible = |replicas: &&At<u64>| !(1..=REPLICAS_MAX).contains(&replicas.value);
        if let Some(replicas) = replicas.filter(impossible) {
            let problem = Problem::new(format!("there cannot be {} replicas", replicas.value))
                .at(&replicas.span, format!("expected 1 to {REPLICAS_MAX}"));
            problems.add(problem);
            continue;
        }
        for host in hosts_of(name, replicas) {
            if let Some(other) = hosts.insert(host.clone(), name.span.clone()) {
                let problem = Problem::new(format!("two hosts would be called `{host}`"))
                    .at(&name.span, "has a host of that name")
                    .at(&other, "so has this one")
                    .help("replicas are called after what they run and a number: rename one of them");
                problems.add(problem);
            }
        }
    }
    if hosts.len() > HOSTS_MAX {
        let problem = Problem::new(format!(
            "the topology has {} hosts, and may have {HOSTS_MAX}",
            hosts.len()
        ))
        .at(&topology.span, "too many")
        .help("take fewer replicas");
        problems.add(problem);
    }
}

/// `one, two and three`
fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// The hosts of a group: `name` alone, or `name-0`, `name-1`, ... The caller reports when there are too many.
pub fn hosts_of(name: &str, replicas: Option<&At<u64>>) -> Vec<String> {
    match replicas.map(|replicas| replicas.value) {
        Some(count @ 2..=REPLICAS_MAX) => (0..count).map(|number| format!("{name}-{number}")).collect(),
        _ => vec![name.to_owned()],
    }
}

fn link(raw: &At<raw::Link>, topology: &Topology, problems: &mut Problems) -> Option<Link> {
    if raw.latency.is_none() && raw.loss.is_none() && raw.bandwidth.is_none() {
        let problem = Problem::new("[[link]] does not say what differs")
            .at(&raw.span, "none of `latency`, `loss` and `bandwidth`")
            .help("give the link at least one of them");
        problems.add_missing(problem);
    }
    let latency = raw
        .latency
        .as_ref()
        .map(|latency| latency::exact(latency, problems));
    Some(Link {
        pairs: link_pairs(raw, topology, problems)?,
        latency: latency.map_or(Some(None), |latency| latency.map(Some))?,
        loss: raw.loss.as_ref().map(|loss| loss.value.0),
        bandwidth: raw.bandwidth.as_ref().map(|bandwidth| bandwidth.value.0),
    })
}

fn link_pairs(raw: &At<raw::Link>, topology: &Topology, problems: &mut Problems) -> Option<Pairs> {
    let Some(between) = &raw.between else {
        let ends = Ends {
            between: &None,
            and: &None,
            from: &raw.from,
            to: &raw.to,
        };
        return ends.pairs("[[link]]", &raw.span, topology, problems);
    };
    if let Some(other) = raw.from.as_ref().or(raw.to.as_ref()) {
        let problem = Problem::new("[[link]] has both `between` and `from` or `to`")
            .at(&other.span, "this is one way")
            .at(&between.span, "this is both ways")
            .help("write two links, or drop one of the keys");
        problems.add(problem);
        return None;
    }
    let [one, other] = &between.0[..] else {
        let problem = Problem::new("a link is between two")
            .at(&between.span, format!("{} named here", between.0.len()))
            .help("write between = [\"a\", \"b\"]; each may be a host, a module, or a glob");
        problems.add(problem);
        return None;
    };
    let mut side = |name: &At<String>| topology.select(&super::value::Hosts(vec![name.clone()]), problems);
    let (one, other) = (side(one), side(other));
    pairs(one?, other?, true, &between.span, problems)
}
