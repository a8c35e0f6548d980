//! From the raw topology to [`Topology`]: hosts, names that exist, links between hosts.

pub(super) mod ports;
pub(crate) mod providers;
mod services;
pub(crate) mod settings;

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;
use squall_router::{Keepalive, Policy, RetryPolicy};

use self::ports::{Nodes, Ports};
use super::hosts::{Ends, pairs};
use super::latency;
use super::names::{ComponentNames, check_name, destination, unknown};
use super::raw::custom::{CustomHosts, WithCustom};
use super::raw::topology as raw;
use super::read::{At, Named};
use super::report::{Problem, Problems};
use super::value::Exact;
use crate::plan::{
    Edge, EngineKind, Groups, Latency, Limits, Link, Module, Network, Node, Pairs, Ratio, Topology,
};

const REPLICAS_MAX: u64 = 1000;
const HOSTS_MAX: usize = 10_000;
/// How often an edge may try, the first attempt included.
pub(crate) const ATTEMPTS_MAX: u32 = 100;

/// When the file does not say.
const LATENCY_DEFAULT: Duration = Duration::from_millis(1);
/// Spec: router H-13.
const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// What a file says once its names are resolved. Nothing where it would make no sense to go on; problems
/// may have been added otherwise too.
pub(crate) fn resolve(
    raw: WithCustom<raw::Topology, CustomHosts>,
    components: &ComponentNames,
    problems: &mut Problems,
) -> Option<Topology> {
    let WithCustom { table: raw, custom } = raw;
    check_hosts(&raw, &custom, problems);
    check_nodes(&raw, components, problems);
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
    for (name, raw) in raw.module.map(|modules| modules.0).unwrap_or_default() {
        let module = module(&name, raw.value, components, problems)?;
        topology.all_mut::<Module>().insert(name.value, module);
    }
    providers::resolve(raw.manager, raw.provider, &mut topology, problems)?;
    services::resolve(raw.service, &custom, components, &mut topology, problems);
    for raw in raw.link.unwrap_or_default() {
        topology.links.extend(link(&raw, &topology, problems));
    }
    Some(topology)
}

/// All that needs to know of all modules: node names, edges.
fn check_nodes(raw: &raw::Topology, components: &ComponentNames, problems: &mut Problems) {
    let mut nodes = Nodes::new();
    let modules = || entries(&raw.module);
    for (_, module) in modules() {
        for (node, raw) in module.node.iter().flat_map(|nodes| &nodes.0) {
            check_name("node", node, problems);
            let ports = Ports::of(raw, components);
            if let Some((other, _)) = nodes.insert(&node.value, (node.span.clone(), ports)) {
                let problem = Problem::new(format!("two nodes are called `{}`", node.value))
                    .at(&node.span, "again here")
                    .at(&other, "first here")
                    .help("calls find a node by its name alone: rename one of them");
                problems.add(problem);
            }
        }
    }
    for (_, node) in modules()
        .flat_map(|(_, module)| &module.node)
        .flat_map(|nodes| &nodes.0)
    {
        settings::check(node, components, problems);
        ports::check_inputs(node, components, problems);
        check_edges(node, &Ports::of(node, components), &nodes, problems);
    }
    ports::review(raw, &nodes, problems);
}

/// All that is a host, or several: their names are unique, whatever they run.
fn check_hosts(raw: &raw::Topology, custom: &[CustomHosts], problems: &mut Problems) {
    let modules = entries(&raw.module).map(|(name, module)| ("module", name, module.replicas.as_ref()));
    let managers = entries(&raw.manager).map(|(name, _)| ("manager", name, None));
    let providers =
        entries(&raw.provider).map(|(name, provider)| ("provider", name, provider.replicas.as_ref()));
    let services = entries(&raw.service).map(|(name, service)| ("service", name, service.replicas.as_ref()));
    if entries(&raw.module).next().is_none()
        && entries(&raw.manager).next().is_none()
        && entries(&raw.service).next().is_none()
        && custom.is_empty()
    {
        let problem = Problem::new("the topology has no module, no manager and no service");
        problems.add_missing(problem.at(&raw.name.span, "a topology of nothing"));
    }
    let custom = custom.iter().flat_map(|of| {
        let hosts = of.hosts.0.iter();
        hosts.map(|(name, host)| (of.kind, name, host.replicas.as_ref()))
    });
    let mut hosts: IndexMap<String, Range<usize>> = IndexMap::new();
    for (kind, name, replicas) in modules
        .chain(managers)
        .chain(providers)
        .chain(services)
        .chain(custom)
    {
        check_name(kind, name, problems);
        for host in hosts_of(name, replicas, problems) {
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
        .at(&raw.name.span, "too many")
        .help("take fewer replicas");
        problems.add(problem);
    }
}

fn entries<T>(named: &Option<Named<T>>) -> impl Iterator<Item = &(At<String>, At<T>)> {
    named.iter().flat_map(|named| &named.0)
}

/// `name` alone, or `name-0`, `name-1`, ...
fn hosts_of(name: &str, replicas: Option<&At<u64>>, problems: &mut Problems) -> Vec<String> {
    match replicas {
        Some(replicas) if !(1..=REPLICAS_MAX).contains(&replicas.value) => {
            let problem = Problem::new(format!("there cannot be {} replicas", replicas.value))
                .at(&replicas.span, format!("expected 1 to {REPLICAS_MAX}"));
            problems.add(problem);
            Vec::new()
        }
        Some(replicas) if replicas.value > 1 => (0..replicas.value)
            .map(|number| format!("{name}-{number}"))
            .collect(),
        _ => vec![name.to_owned()],
    }
}

fn check_edges(node: &raw::Node, own: &Ports, nodes: &Nodes<'_>, problems: &mut Problems) {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    for edge in node.edges.iter().flatten() {
        ports::check_port(&edge.port, problems);
        ports::check_output(edge, node, own, problems);
        if let Some((target, port)) = destination(&edge.to, problems) {
            match nodes.get(target) {
                Some((_, ports)) => {
                    let inputs = ports.inputs.as_deref();
                    ports::check_input(target, port, inputs, &edge.to.span, problems);
                }
                None => unknown("node", target, &edge.to.span, nodes.keys().copied(), problems),
            }
        }
        check_times(edge, problems);
        if let Some(retry) = &edge.retry {
            check_retry(retry, problems);
        }
        let connection = (edge.port.as_str(), edge.to.as_str());
        if !seen.insert(connection) {
            let problem = Problem::new(format!(
                "port `{}` has two edges to `{}`",
                connection.0, connection.1
            ))
            .at(&edge.span, "the same again")
            .help("a message is sent once per connection: drop this edge");
            problems.add(problem);
        }
    }
}

fn module(
    name: &At<String>,
    raw: raw::Module,
    components: &ComponentNames,
    problems: &mut Problems,
) -> Option<Module> {
    let call_timeout = raw.call_timeout.as_ref();
    if let Some(timeout) = call_timeout.filter(|timeout| timeout.0.is_zero()) {
        problems.add(Problem::new("a call needs time").at(&timeout.span, "expected more than 0"));
    }
    // Out of range was said by `check_nodes`.
    let replicas = raw
        .replicas
        .filter(|replicas| (2..=REPLICAS_MAX).contains(&replicas.value));
    let nodes: Vec<Option<_>> = raw
        .node
        .into_iter()
        .flat_map(|nodes| nodes.0)
        .map(|(name, raw)| Some((name.value.clone(), node(name.value, raw.value, components)?)))
        .collect();
    Some(Module {
        name: name.value.clone(),
        hosts: hosts_of(name, replicas.as_ref(), problems),
        call_timeout: call_timeout.map_or(CALL_TIMEOUT_DEFAULT, |timeout| timeout.0),
        instance_wait: raw.instance_wait.as_ref().map_or(Duration::ZERO, |wait| wait.0),
        min_ping_interval: raw.min_ping_interval.as_ref().map(|interval| interval.0),
        keepalive: match &raw.keepalive {
            Some(keepalive) => keepalive.rules(problems),
            None => Some(Keepalive::client()),
        },
        limits: raw
            .limits
            .map_or_else(Limits::default, |limits| limits.checked(problems)),
        method: raw.method.as_ref().map(|method| method.0),
        nodes: nodes.into_iter().collect::<Option<_>>()?,
    })
}

/// Nothing when [`check_edges`] found a mistake.
fn node(name: String, raw: raw::Node, components: &ComponentNames) -> Option<Node> {
    let inputs = Ports::of(&raw, components).inputs;
    let edge = |edge: At<raw::Edge>| {
        let (node, target_port) = edge.to.rsplit_once('.')?;
        Some(Edge {
            port: edge.port.value.clone(),
            node: node.to_owned(),
            target_port: target_port.to_owned(),
            timeout: edge.timeout.as_ref().map(|timeout| timeout.0),
            retry: edge.retry.as_ref().map(|retry| retry_policy(retry)),
            policy: edge.policy.as_ref().map_or(Policy::All, |policy| policy.0),
        })
    };
    Some(Node {
        name,
        component: raw.component.value,
        settings: raw
            .settings
            .map_or_else(|| serde_json::json!({}), |settings| settings.value.0.value),
        inputs,
        edges: raw.edges.into_iter().flatten().map(edge).collect::<Option<_>>()?,
    })
}

/// Mistakes in it were said by [`check_retry`].
fn retry_policy(raw: &raw::Retry) -> RetryPolicy {
    let usual = RetryPolicy::default();
    let duration = |key: &Option<At<Exact<Duration>>>| key.as_ref().map(|it| it.0);
    let mut policy = RetryPolicy::attempts(u32::try_from(raw.attempts.value).unwrap_or(u32::MAX)).delays(
        duration(&raw.first).unwrap_or(usual.initial_delay),
        raw.factor
            .as_ref()
            .map_or(usual.coefficient, |factor| factor.value),
        duration(&raw.max).unwrap_or(usual.max_delay),
    );
    policy.attempt_timeout = duration(&raw.attempt_timeout);
    policy.idempotent = raw.idempotent.unwrap_or_default();
    let codes = raw.non_retryable.iter().flatten();
    policy.non_retryable_codes = codes.map(|code| code.value.clone()).collect();
    let percent = raw.jitter.as_ref().map_or(0, |share| {
        u64::from(share.0.numerator) * 100 / u64::from(share.0.denominator)
    });
    policy.jitter(u8::try_from(percent).unwrap_or(100))
}

fn check_times(edge: &raw::Edge, problems: &mut Problems) {
    let retry = edge.retry.as_ref();
    let times = [
        edge.timeout.as_ref(),
        retry.and_then(|retry| retry.attempt_timeout.as_ref()),
    ];
    for timeout in times.into_iter().flatten().filter(|timeout| timeout.0.is_zero()) {
        problems.add(Problem::new("a message needs time").at(&timeout.span, "expected more than 0"));
    }
}

fn check_retry(retry: &raw::Retry, problems: &mut Problems) {
    if !(2..=ATTEMPTS_MAX.into()).contains(&retry.attempts.value) {
        let problem = Problem::new("these attempts cannot be made")
            .at(&retry.attempts.span, format!("expected 2 to {ATTEMPTS_MAX}"))
            .help("the first attempt counts; without `retry` it is the only one");
        problems.add(problem);
    }
    if let Some(factor) = retry.factor.as_ref().filter(|factor| factor.value < 1.0) {
        let problem = Problem::new("delays would shrink").at(&factor.span, "expected 1 at least");
        problems.add(problem);
    }
    check_codes(retry.non_retryable.as_deref().unwrap_or_default(), problems);
}

fn check_codes(codes: &[At<String>], problems: &mut Problems) {
    let mut seen: IndexMap<&str, &Range<usize>> = IndexMap::new();
    for code in codes {
        if code.is_empty() {
            let problem = Problem::new("the code of an error cannot be empty")
                .at(&code.span, "expected a code")
                .help("errors that have no code cannot be told apart by it: drop this one");
            problems.add(problem);
        } else if let Some(other) = seen.insert(code, &code.span) {
            let problem = Problem::new(format!("the code `{}` is there twice", code.value))
                .at(&code.span, "again here")
                .at(other, "first here")
                .help("an error is final if its code is listed once: drop one of them");
            problems.add(problem);
        }
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
