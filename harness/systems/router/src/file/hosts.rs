//! `[module.*]`: nodes, their components and edges.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::file::names::{Names, check_name, destination, unknown};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::settings::{self, Sort};
use squall_core::file::tables::{HostShape, SaidHosts};
use squall_core::file::topology::hosts_of;
use squall_core::file::value::Exact;
use squall_core::plan::Topology;
use squall_router::{Keepalive, Policy, RetryPolicy};

use super::ports::{self, Nodes, Ports};
use super::{ATTEMPTS_MAX, OfComponents, raw};
use crate::plan::{Edge, Limits, Module, Node};

/// The default. Spec: router H-13.
const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

impl HostShape for raw::Module {
    const KEY: &'static str = "module";
    const ABOUT: &'static str = "The modules, by name. Each is one host, or one host per replica";
    const IS_ENOUGH: bool = true;

    fn replicas(&self) -> Option<&At<u64>> {
        self.replicas.as_ref()
    }
}

/// The nodes of all modules.
fn nodes_of<'f>(said: &SaidHosts<'f>) -> Vec<&'f (At<String>, At<raw::Node>)> {
    let modules = said.of::<raw::Module>().iter();
    let nodes = modules.flat_map(|(_, module)| module.node.iter().flat_map(|nodes| &nodes.0));
    nodes.collect()
}

/// Checks across all modules: node names, edges.
pub(super) fn check(said: &SaidHosts<'_>, problems: &mut Problems) {
    let components = said.names;
    let all = nodes_of(said);
    let mut nodes = Nodes::new();
    for (node, raw) in &all {
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
    for (_, node) in &all {
        check_component(node, components, problems);
        ports::check_inputs(node, components, problems);
        check_edges(node, &Ports::of(node, components), &nodes, problems);
    }
    ports::review(&all, &nodes, problems);
}

/// Adds the modules to the topology.
pub(crate) fn resolve(said: &SaidHosts<'_>, topology: &mut Topology, problems: &mut Problems) -> Option<()> {
    for (name, raw) in said.of::<raw::Module>() {
        let module = module(name, raw, said.names, problems)?;
        topology.all_mut::<Module>().insert(name.value.clone(), module);
    }
    Some(())
}

/// Checks a node's component: the name exists, and the settings are valid.
fn check_component(node: &raw::Node, components: &Names, problems: &mut Problems) {
    let component = &node.component;
    let components = components.of_sort::<OfComponents>();
    let Some(known) = components.get(component) else {
        let names = components.iter();
        unknown("component", component, &component.span, names, problems);
        return;
    };
    let of = settings::Of {
        sort: Sort::with_settings("component"),
        name: component,
        settings: node.settings.as_ref().map(|settings| &settings.0),
    };
    settings::check_known(&of, known, components, problems);
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
    raw: &raw::Module,
    components: &Names,
    problems: &mut Problems,
) -> Option<Module> {
    let call_timeout = raw.call_timeout.as_ref();
    if let Some(timeout) = call_timeout.filter(|timeout| timeout.0.is_zero()) {
        problems.add(Problem::new("a call needs time").at(&timeout.span, "expected more than 0"));
    }
    let nodes = raw.node.iter().flat_map(|nodes| &nodes.0);
    let nodes = nodes.map(|(name, raw)| Some((name.value.clone(), node(&name.value, raw, components)?)));
    let nodes: Vec<Option<_>> = nodes.collect();
    Some(Module {
        name: name.value.clone(),
        hosts: hosts_of(name, raw.replicas.as_ref()),
        call_timeout: call_timeout.map_or(CALL_TIMEOUT_DEFAULT, |timeout| timeout.0),
        instance_wait: raw.instance_wait.as_ref().map_or(Duration::ZERO, |wait| wait.0),
        min_ping_interval: raw.min_ping_interval.as_ref().map(|interval| interval.0),
        keepalive: match &raw.keepalive {
            Some(keepalive) => keepalive.rules(problems),
            None => Some(Keepalive::client()),
        },
        limits: raw
            .limits
            .as_ref()
            .map_or_else(Limits::default, |limits| limits.checked(problems)),
        method: raw.method.as_ref().map(|method| method.0),
        nodes: nodes.into_iter().collect::<Option<_>>()?,
    })
}

/// `None` if [`check_edges`] found a mistake.
fn node(name: &str, raw: &raw::Node, components: &Names) -> Option<Node> {
    let edge = |edge: &At<raw::Edge>| {
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
        name: name.to_owned(),
        component: raw.component.value.clone(),
        settings: raw
            .settings
            .as_ref()
            .map_or_else(|| serde_json::json!({}), |settings| settings.0.value.clone()),
        inputs: Ports::of(raw, components).inputs,
        edges: raw.edges.iter().flatten().map(edge).collect::<Option<_>>()?,
    })
}

/// Mistakes are reported by [`check_retry`].
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
