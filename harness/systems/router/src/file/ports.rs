//! Checks ports. A message to a port that does not exist is lost without an error, so a scenario built on it would pass
//! vacuously.

use std::ops::Range;

use indexmap::IndexMap;
use squall_core::file::names::{Names, remedy};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::graph::cycles;
use squall_router::SystemPort;

use super::{OfComponents, raw};

/// How many names of a cycle are listed.
const NAMES_MAX: usize = 8;

/// The ports of a node. `None`: any.
pub(super) struct Ports {
    pub(super) inputs: Option<Vec<String>>,
    outputs: Option<Vec<String>>,
    /// What determines the outputs.
    outputs_when: &'static str,
    /// Inputs that answer without emitting.
    answers: Vec<String>,
}

/// Every node of the topology, by name.
pub(super) type Nodes<'r> = IndexMap<&'r str, (Range<usize>, Ports)>;

impl Ports {
    /// From its component's declaration and the node itself. `None` for an unknown component.
    pub(super) fn of(node: &raw::Node, components: &Names) -> Self {
        let empty = serde_json::json!({});
        let settings = node
            .settings
            .as_ref()
            .map_or(&empty, |settings| &settings.0.value);
        let named = || {
            let names = node.inputs.as_ref()?.iter();
            Some(names.map(|name| name.value.clone()).collect::<Vec<_>>())
        };
        let Some(known) = components.of_sort::<OfComponents>().get(&node.component) else {
            return Ports {
                inputs: named(),
                outputs: None,
                outputs_when: "",
                answers: Vec::new(),
            };
        };
        let declaration = &known.declaration;
        let answers = declaration.answers_with(settings);
        let named = named().filter(|_| declaration.is_named_by_node());
        Ports {
            inputs: match named {
                Some(named) => Some([named, answers.clone()].concat()),
                None => declaration.inputs_with(settings),
            },
            outputs: declaration.outputs_with(settings),
            outputs_when: declaration.outputs_doc(),
            answers,
        }
    }
}

/// Checks the inputs that a node names itself.
pub(super) fn check_inputs(node: &raw::Node, components: &Names, problems: &mut Problems) {
    let Some(inputs) = &node.inputs else { return };
    inputs.iter().for_each(|port| check_port(port, problems));
    let known = components.of_sort::<OfComponents>().get(&node.component);
    if let (Some(known), Some(first)) = (known, inputs.first())
        && !known.declaration.is_named_by_node()
    {
        let own = known
            .declaration
            .inputs_with(&serde_json::json!({}))
            .unwrap_or_default();
        let component = &node.component.value;
        let problem = Problem::new(format!(
            "the component `{component}` says itself which inputs it has"
        ))
        .at(&first.span, "not for its nodes to say")
        .help(format!("drop `inputs`: it has {}", listed(&own)));
        problems.add(problem);
    }
}

pub(super) fn check_port(port: &At<String>, problems: &mut Problems) {
    if port.is_empty() || port.contains('.') {
        let problem = Problem::new(format!("`{}` cannot be the name of a port", port.escape_debug()))
            .at(&port.span, "not allowed as a name")
            .help("a port's name is not empty and has no dot: \"node.port\" is split at the last one");
        problems.add(problem);
    }
}

/// Checks that an edge starts at an existing output.
pub(super) fn check_output(edge: &raw::Edge, node: &raw::Node, ports: &Ports, problems: &mut Problems) {
    let Some(outputs) = &ports.outputs else { return };
    if outputs.contains(&edge.port.value) {
        return;
    }
    let component = &node.component.value;
    let (port, span) = (&edge.port.value, &edge.port.span);
    let problem = Problem::new(format!("`{component}` never emits at a port `{port}`"))
        .at(span, "no message would leave here");
    let help = remedy(port, outputs.iter().map(String::as_str)).unwrap_or_else(|| match ports.outputs_when {
        "" => "it only answers: drop the edge".to_owned(),
        when => format!("with these settings it only answers: it emits {when}"),
    });
    problems.add(problem.help(help));
}

/// Checks that there is an input with this name. `inputs` are those of the node.
pub(super) fn check_input(
    node: &str,
    port: &str,
    inputs: Option<&[String]>,
    span: &Range<usize>,
    problems: &mut Problems,
) {
    let Some(inputs) = inputs else { return };
    if SystemPort::parse(port).is_some() || inputs.iter().any(|input| input == port) {
        return;
    }
    let problem = Problem::new(format!("the node `{node}` has no input port `{port}`"))
        .at(span, "no message would arrive here");
    let known = remedy(port, inputs.iter().map(String::as_str)).unwrap_or_else(|| "it has none".to_owned());
    problems.add(problem.help(format!(
        "{known} (a node's ports are what it says with inputs = [..])"
    )));
}

/// Warns about probable mistakes: unconnected outputs and cycles.
pub(super) fn review(all: &[&(At<String>, At<raw::Node>)], nodes: &Nodes<'_>, problems: &mut Problems) {
    for (name, node) in all {
        if let Some((_, ports)) = nodes.get(name.as_str()) {
            review_outputs(name, node, ports, problems);
        }
    }
    // Missing or duplicate nodes were reported. The graph would be wrong.
    if problems.has_error() {
        return;
    }
    let successors = |node: &raw::Node| -> Vec<usize> {
        let edges = node.edges.iter().flatten();
        let next = edges.filter_map(|edge| {
            let (target, port) = edge.to.rsplit_once('.')?;
            let (place, _, (_, ports)) = nodes.get_full(target)?;
            let goes_on = !ports.answers.iter().any(|answers| answers == port);
            goes_on.then_some(place)
        });
        next.collect()
    };
    let graph: Vec<Vec<usize>> = all.iter().map(|(_, node)| successors(node)).collect();
    for cycle in cycles(&graph) {
        let mut names: Vec<&str> = cycle.iter().map(|place| all_name(nodes, *place)).collect();
        let (count, span) = (names.len(), &nodes[cycle[0]].0);
        let message = match names[..] {
            [one] => format!("the node `{one}` leads to itself"),
            _ => {
                names.truncate(NAMES_MAX);
                let more = if count > NAMES_MAX { ", ..." } else { "" };
                format!("{count} nodes lead to one another: {}{more}", names.join(", "))
            }
        };
        let problem = Problem::new(message).at(span, "part of the cycle").help(
            "a call that nobody answers goes round until it is 256 deep, and fails: let it end with answers = [\"port\"] at one of them",
        );
        problems.add(problem.warning());
    }
}

fn all_name<'n>(nodes: &Nodes<'n>, place: usize) -> &'n str {
    nodes.get_index(place).map_or("", |(name, _)| name)
}

/// Outputs without an edge.
fn review_outputs(name: &At<String>, node: &raw::Node, ports: &Ports, problems: &mut Problems) {
    for port in ports.outputs.iter().flatten() {
        if node.edges.iter().flatten().any(|edge| edge.port.value == *port) {
            continue;
        }
        let settings = node.settings.as_ref();
        let named = settings.filter(|settings| mentions(&settings.0.value, port));
        let problem = Problem::new(format!(
            "what `{}` emits at its port `{port}` goes nowhere",
            name.value
        ))
        .help("what goes nowhere is ok, and has no value: add an edge if it should go somewhere");
        problems.add(match named {
            Some(settings) => problem
                .at(&settings.span, "named here, and no edge leaves there")
                .warning(),
            None => problem.at(&name.span, "no edge leaves there").advice(),
        });
    }
}

/// Whether a value contains a text.
fn mentions(value: &serde_json::Value, text: &str) -> bool {
    match value {
        serde_json::Value::String(other) => other == text,
        serde_json::Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        serde_json::Value::Object(fields) => fields.values().any(|field| mentions(field, text)),
        _ => false,
    }
}

fn listed(ports: &[String]) -> String {
    match ports {
        [] => "none".to_owned(),
        ports => ports.join(", "),
    }
}
