//! Warns about valid but odd or discouraged structures. Spec: router S-37.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use squall_core::file::{Problem, Problems};
use squall_core::graph::{chains, cycles};

use super::system::{Place, System};

/// The minimum number of modules in a row that is a chain.
const CHAIN_LENGTH: usize = 3;
/// The maximum number of listed names.
const NAMES_MAX: usize = 8;

pub(super) fn review(system: &System, problems: &mut [Problems]) {
    review_cycles(system, problems);
    review_crossings(system, problems);
    review_chains(system, problems);
}

fn review_cycles(system: &System, problems: &mut [Problems]) {
    let targets = |node: &super::system::Node| {
        let passed_on = node.edges.iter().filter(|edge| !edge.is_answered());
        passed_on.map(|edge| edge.node).collect()
    };
    let successors: Vec<Vec<usize>> = system.nodes.values().map(targets).collect();
    for cycle in cycles(&successors) {
        let names = cycle.iter().map(|index| &*system.nodes[*index].name);
        let first = &system.nodes[cycle[0]].place;
        let problem = match cycle.len() {
            1 => Problem::new(format!(
                "the node `{}` leads to itself",
                system.nodes[cycle[0]].name
            )),
            count => Problem::new(format!(
                "{count} nodes lead to one another: {}",
                listed(names, ", ")
            )),
        };
        let problem = problem
            .at(&first.span, "part of the cycle")
            .help("a call goes round until it is 256 deep, and fails: end it with answers = [\"port\"] at one of them");
        problems[first.file].add(problem.warning());
    }
}

/// Edges between two modules, in one line.
fn review_crossings(system: &System, problems: &mut [Problems]) {
    let mut crossings: IndexMap<(usize, usize), (usize, Place)> = IndexMap::new();
    for node in system.nodes.values() {
        for edge in &node.edges {
            let other = system.nodes[edge.node].module;
            if node.module != other {
                let place = || Place {
                    file: node.place.file,
                    span: edge.span.clone(),
                };
                crossings
                    .entry((node.module, other))
                    .or_insert_with(|| (0, place()))
                    .0 += 1;
            }
        }
    }
    for ((from, to), (count, first)) in crossings {
        let (from, to) = (&system.modules[from].name, &system.modules[to].name);
        let message = match count {
            1 => format!("an edge goes from the module `{from}` to `{to}`"),
            _ => format!("{count} edges go from the module `{from}` to `{to}`"),
        };
        let problem = Problem::new(message).at(&first.span, "crosses the network");
        problems[first.file].add(problem.advice());
    }
}

fn review_chains(system: &System, problems: &mut [Problems]) {
    let mut successors = vec![BTreeSet::new(); system.modules.len()];
    let mut components: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); system.modules.len()];
    for node in system.nodes.values() {
        components[node.module].insert(node.component.as_deref().unwrap_or(&node.name));
        let others = node.edges.iter().map(|edge| system.nodes[edge.node].module);
        successors[node.module].extend(others.filter(|other| *other != node.module));
    }
    let successors: Vec<Vec<usize>> = successors
        .into_iter()
        .map(|it| it.into_iter().collect())
        .collect();
    let is_single = |module: usize| match system.modules[module].components.len() {
        0 => components[module].len() == 1,
        count => count == 1,
    };
    for chain in chains(&successors, is_single, CHAIN_LENGTH) {
        let names = chain.iter().map(|module| &*system.modules[*module].name);
        let message = format!(
            "{} modules of one component each in a row: {}",
            chain.len(),
            listed(names, " -> ")
        );
        let Some(first) = system.nodes.values().find(|node| node.module == chain[0]) else {
            continue;
        };
        let problem = Problem::new(message)
            .at(&first.place.span, "begins here")
            .help("every step crosses the network: keep related components in one module");
        problems[first.place.file].add(problem.advice());
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let mut names: Vec<&str> = names.collect();
    let rest = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    let more = if rest > 0 {
        format!("{separator}{rest} more")
    } else {
        String::new()
    };
    names.join(separator) + &more
}
