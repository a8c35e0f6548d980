//! Writes the topology as a readable file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use squall_core::report::clean;
use squall_router::{RetryPolicy, SystemPort};
use toml::Value;

use super::Source;
use super::system::{Edge, Node, RESPONSE_PORT, System};

/// The message field by which a stand-in with several outputs chooses one.
const FIELD: &str = "port";
/// The conventional output for failures. Spec: router S-38.
const ERROR_PORT: &str = "error";

/// The default input.
const USUAL_PORT: &str = "in";

/// The comment about stand-ins.
const STAND_INS: [&str; 3] = [
    "Components are stand-ins: forward passes on what it gets, router chooses the port that a message",
    "names in its field `port`, echo answers. What comes to a port `response` is answered too. Put the",
    "real components, or their delays, in their place.",
];

pub(super) fn topology(name: &str, sources: &[Source], system: &System) -> String {
    let mut text = String::new();
    let files: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
    comment(
        &mut text,
        &format!("Made by `squall import` of {}.", files.join(", ")),
    );
    for words in STAND_INS {
        comment(&mut text, words);
    }
    let entries = entries(system);
    if !entries.is_empty() {
        comment(
            &mut text,
            "Nodes that no edge leads to, where workloads may begin:",
        );
        for entry in entries {
            comment(&mut text, &format!("  {entry}"));
        }
    }
    line(&mut text, &format!("name = {}", quoted(name)));
    let mut nodes = vec![Vec::new(); system.modules.len()];
    for (index, node) in system.nodes.values().enumerate() {
        nodes[node.module].push(index);
    }
    let answering = edges(system).filter(|edge| edge.is_answered());
    let answering: BTreeSet<usize> = answering.map(|edge| edge.node).collect();
    let inputs = inputs(system);
    for (module, nodes) in system.modules.values().zip(nodes) {
        text.push('\n');
        if let Some(address) = &module.address {
            comment(&mut text, &format!("At {address}"));
        }
        line(&mut text, &format!("[module.{}]", key(&module.name)));
        line(&mut text, "keepalive = \"tinysystems\"");
        for index in nodes {
            let node = &system.nodes[index];
            let stand_in = stand_in(node, answering.contains(&index));
            let inputs = inputs.get(&index);
            write_node(&mut text, &module.name, node, (stand_in, inputs), system);
        }
    }
    text
}

fn write_node(
    text: &mut String,
    module: &str,
    node: &Node,
    (stand_in, inputs): (String, Option<&IndexSet<&str>>),
    system: &System,
) {
    text.push('\n');
    if let Some(component) = &node.component {
        comment(text, component);
    }
    let (module, name) = (key(module), key(&node.name));
    line(text, &format!("[module.{module}.node.{name}]"));
    line(text, &stand_in);
    if let Some(inputs) = inputs {
        let inputs: Vec<String> = inputs.iter().map(|port| quoted(port)).collect();
        line(text, &format!("inputs = [{}]", inputs.join(", ")));
    }
    if node.edges.is_empty() {
        return;
    }
    line(text, "edges = [");
    for edge in &node.edges {
        line(text, &format!("  {{ {} }},", written(edge, system)));
    }
    line(text, "]");
}

/// The inputs of stand-ins that differ from the default, by node: targets of edges, and further ports of the node.
fn inputs(system: &System) -> IndexMap<usize, IndexSet<&str>> {
    let mut inputs: IndexMap<usize, IndexSet<&str>> = IndexMap::new();
    let is_own = |port: &str| SystemPort::parse(port).is_none();
    for (index, node) in system.nodes.values().enumerate() {
        let emits = |port: &str| node.edges.iter().any(|edge| edge.port == port);
        let takes = |port: &&str| is_own(port) && *port != RESPONSE_PORT && !port.is_empty() && !emits(port);
        let ports = node.ports.iter().map(String::as_str).filter(takes);
        inputs.insert(index, ports.collect());
    }
    let passed_on = edges(system).filter(|edge| !edge.is_answered() && is_own(&edge.target_port));
    for edge in passed_on {
        inputs.entry(edge.node).or_default().insert(&edge.target_port);
    }
    inputs.retain(|_, ports| ports.iter().any(|port| *port != USUAL_PORT));
    inputs
}

/// The keys of an edge.
fn written(edge: &Edge, system: &System) -> String {
    let to = format!("{}.{}", system.nodes[edge.node].name, edge.target_port);
    let mut keys = vec![
        format!("port = {}", quoted(&edge.port)),
        format!("to = {}", quoted(&to)),
    ];
    if let Some(timeout) = edge.timeout {
        keys.push(format!("timeout = {}", millis(timeout)));
    }
    if let Some(policy) = &edge.retry {
        keys.push(format!("retry = {}", retry(policy)));
    }
    keys.join(", ")
}

/// Only values that differ from the defaults, for readability.
fn retry(policy: &RetryPolicy) -> String {
    let usual = RetryPolicy::default();
    let mut keys = vec![format!("attempts = {}", policy.max_attempts)];
    if policy.initial_delay != usual.initial_delay {
        keys.push(format!("first = {}", millis(policy.initial_delay)));
    }
    if policy.coefficient != usual.coefficient {
        keys.push(format!("factor = {}", Value::Float(policy.coefficient)));
    }
    if policy.max_delay != usual.max_delay {
        keys.push(format!("max = {}", millis(policy.max_delay)));
    }
    if let Some(timeout) = policy.attempt_timeout {
        keys.push(format!("attempt_timeout = {}", millis(timeout)));
    }
    if !policy.non_retryable_codes.is_empty() {
        let codes: Vec<String> = policy.non_retryable_codes.iter().map(|it| quoted(it)).collect();
        keys.push(format!("non_retryable = [{}]", codes.join(", ")));
    }
    format!("{{ {} }}", keys.join(", "))
}

/// Manifests have whole milliseconds.
fn millis(time: Duration) -> String {
    format!("\"{}ms\"", time.as_millis())
}

/// A built-in component that uses the node's ports.
fn stand_in(node: &Node, answers: bool) -> String {
    let answers = match answers {
        true => format!(", answers = [{}]", quoted(RESPONSE_PORT)),
        false => String::new(),
    };
    let ports: IndexSet<&str> = node.edges.iter().map(|edge| &*edge.port).collect();
    let usual = ports.iter().find(|port| **port != ERROR_PORT).or(ports.first());
    match (ports.len(), usual) {
        (1, Some(port)) => format!(
            "component = \"forward\"\nsettings = {{ port = {}{answers} }}",
            quoted(port)
        ),
        (_, Some(port)) => {
            let routes: Vec<_> = ports
                .iter()
                .map(|port| format!("{} = {}", key(port), quoted(port)))
                .collect();
            format!(
                "component = \"router\"\nsettings = {{ field = {}, routes = {{ {} }}, default = {}{answers} }}",
                quoted(FIELD),
                routes.join(", "),
                quoted(port),
            )
        }
        (_, None) => "component = \"echo\"".to_owned(),
    }
}

/// `node (module)` for every node without incoming edges, apart from replies to it.
fn entries(system: &System) -> Vec<String> {
    let passed_on = edges(system).filter(|edge| !edge.is_answered());
    let targets: BTreeSet<usize> = passed_on.map(|edge| edge.node).collect();
    let nodes = system.nodes.values().enumerate();
    let entries = nodes.filter(|(index, _)| !targets.contains(index));
    let entry = |(_, node): (usize, &Node)| {
        let module = &system.modules[node.module].name;
        format!("{} (module {module})", node.name)
    };
    entries.map(entry).collect()
}

fn edges(system: &System) -> impl Iterator<Item = &Edge> {
    system.nodes.values().flat_map(|node| &node.edges)
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string");
}

/// Line breaks from manifests must not end the comment.
fn comment(text: &mut String, comment: &str) {
    line(text, format!("# {}", clean(comment)).trim_end());
}

/// A string without terminal control characters.
fn quoted(text: &str) -> String {
    if clean(text) == text {
        return Value::String(text.to_owned()).to_string();
    }
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if clean(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A key, quoted if necessary.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}
