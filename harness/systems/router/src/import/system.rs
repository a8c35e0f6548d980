//! All manifests as one system: modules, their nodes, and the edges between nodes.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::file::{Problem, Problems, nearest};
use squall_manifest::names::{self as manifest_names, Owner};
use squall_manifest::resource::{self, Address};
use squall_manifest::{Resource, Severity};
use squall_router::RetryPolicy;

use super::Source;
use super::names::{Names, port};
use super::retry;

/// Modules and nodes, with their edges.
pub(super) struct System {
    /// By the name in the manifests, in their order.
    pub(super) modules: IndexMap<String, Module>,
    /// By the name in the manifests, in their order.
    pub(super) nodes: IndexMap<String, Node>,
}

pub(crate) struct Module {
    /// The name in the topology.
    pub(super) name: String,
    /// Its reported address.
    pub(super) address: Option<String>,
    /// Its reported components; empty if it reports none.
    pub(super) components: BTreeSet<String>,
}

pub(crate) struct Node {
    /// The name in the topology.
    pub(super) name: String,
    /// Its index in [`System::modules`].
    pub(super) module: usize,
    pub(super) component: Option<String>,
    /// Its reported ports of both directions, in topology spelling.
    pub(super) ports: Vec<String>,
    pub(super) edges: Vec<Edge>,
    pub(super) place: Place,
}

pub(crate) struct Edge {
    pub port: String,
    /// Its index in [`System::nodes`].
    pub(super) node: usize,
    pub(super) target_port: String,
    /// The timeout of messages along it, if its policy has a single, limited attempt.
    pub(super) timeout: Option<Duration>,
    /// The retry policy of messages along it.
    pub(super) retry: Option<RetryPolicy>,
    /// The position of its target in the file.
    pub(super) span: Range<usize>,
}

/// A position in a file.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) span: Range<usize>,
}

/// Reads the resources of each source, and adds its mistakes.
pub(super) fn read(sources: &[Source], problems: &mut [Problems]) -> Vec<Vec<Resource>> {
    let read = |(source, problems): (&Source, &mut Problems)| {
        let reading = squall_manifest::read(&source.text);
        for it in reading.problems {
            let mut problem = Problem::new(it.message).at(&it.span, it.label);
            if let Some(help) = it.help {
                problem = problem.help(help);
            }
            problems.add(match it.severity {
                Severity::Error => problem,
                Severity::Warning => problem.warning(),
            });
        }
        reading.resources
    };
    sources.iter().zip(problems).map(read).collect()
}

/// The newest resource of each name, with its file.
#[derive(Default)]
struct Newest {
    nodes: IndexMap<String, (usize, resource::Node)>,
    modules: IndexMap<String, (usize, resource::Module)>,
}

/// The conventional port for replies to a node's emissions: `http_server` has it.
pub(super) const RESPONSE_PORT: &str = "response";

impl Edge {
    /// Whether the stand-in at the other end answers without emitting.
    pub(super) fn is_answered(&self) -> bool {
        self.target_port == RESPONSE_PORT
    }
}

impl System {
    pub(super) fn new(resources: Vec<Vec<Resource>>, problems: &mut [Problems]) -> Self {
        let Newest { nodes, modules } = Newest::of(resources, problems);
        let mut system = System {
            modules: IndexMap::new(),
            nodes: IndexMap::new(),
        };
        let (mut module_names, mut node_names) = (Names::default(), Names::default());
        for (name, (_, module)) in &modules {
            system
                .modules
                .insert(name.clone(), Module::registered(module, &mut module_names));
        }
        let mut manifests = Vec::new();
        for (name, (file, node)) in nodes {
            let Some(owner) = manifest_names::owner(&node, modules.keys().map(String::as_str)) else {
                let problem = Problem::new(format!("nobody owns the node `{name}`: it is left out"))
                    .at(&node.name.span, "no `spec.module`, and no module in the name")
                    .help("add spec: { module: ... }");
                problems[file].add(problem.warning());
                continue;
            };
            let entry = system.modules.entry(owner.module.clone());
            let is_new = matches!(entry, indexmap::map::Entry::Vacant(_));
            review_owner(&node, &owner, is_new, &mut problems[file]);
            let module = entry.index();
            entry.or_insert_with(|| Module::unregistered(&owner.module, &mut module_names));
            let place = Place {
                file,
                span: node.name.span.clone(),
            };
            let component = node.component.as_ref().map(|component| component.value.clone());
            let imported = Node {
                name: node_names.take(&name),
                module,
                component,
                ports: node.ports.iter().flatten().map(|name| port(name)).collect(),
                edges: Vec::new(),
                place,
            };
            if imported.name != name {
                let problem = Problem::new(format!("the node is called `{}` in the topology", imported.name));
                problems[file].add(
                    problem
                        .at(&node.name.span, "a topology cannot have this name")
                        .warning(),
                );
            }
            system.nodes.insert(name, imported);
            manifests.push((file, node));
        }
        for (index, (file, node)) in manifests.iter().enumerate() {
            let edges = system.edges(node, &manifests, &mut problems[*file]);
            system.nodes[index].edges = edges;
        }
        system
    }

    /// The number of modules, nodes and edges.
    pub(super) fn counts(&self) -> [usize; 3] {
        let edges = self.nodes.values().map(|node| node.edges.len()).sum();
        [self.modules.len(), self.nodes.len(), edges]
    }

    /// The connected edges of a node, without duplicates.
    fn edges(
        &self,
        node: &resource::Node,
        all: &[(usize, resource::Node)],
        problems: &mut Problems,
    ) -> Vec<Edge> {
        let mut edges = Vec::new();
        let mut seen = BTreeSet::new();
        review_ports(node, problems);
        for edge in &node.edges {
            let Some(index) = self.nodes.get_index_of(&**edge.node) else {
                problems.add(self.dangling(edge));
                continue;
            };
            let (from, to) = (port(&edge.port), port(&edge.target_port));
            if !seen.insert((from.clone(), index, to.clone())) {
                let problem = Problem::new("the same connection again".to_owned())
                    .at(
                        &edge.node.span,
                        "from this port to that port there is an edge already",
                    )
                    .help(match edge.retry_policy {
                        None => "a message is sent once per connection, whichever flows it is part of",
                        Some(_) => "a message is sent once per connection: the retry policy here is left out with the edge",
                    });
                problems.add(problem.warning());
                continue;
            }
            review_target(edge, &all[index].1, problems);
            let policy = edge.retry_policy.as_ref();
            let (timeout, retry) = policy
                .map(|policy| retry::taken(policy, problems))
                .unwrap_or_default();
            edges.push(Edge {
                port: from,
                node: index,
                target_port: to,
                timeout,
                retry,
                span: edge.node.span.clone(),
            });
        }
        edges
    }

    fn dangling(&self, edge: &resource::Edge) -> Problem {
        let problem = Problem::new(format!(
            "an edge is left out: there is no node `{}`",
            edge.node.value
        ))
        .at(&edge.node.span, "not in these files")
        .warning();
        match nearest(&edge.node, self.nodes.keys().map(String::as_str)) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help("import the files with its node as well"),
        }
    }
}

impl Module {
    fn registered(module: &resource::Module, names: &mut Names) -> Self {
        let address = match &module.address.value {
            Address::None => None,
            address => Some(address.to_string()),
        };
        Module {
            name: names.take(&module.name),
            address,
            components: module.components.iter().cloned().collect(),
        }
    }

    fn unregistered(name: &str, names: &mut Names) -> Self {
        Module {
            name: names.take(name),
            address: None,
            components: BTreeSet::new(),
        }
    }
}

impl Newest {
    fn of(resources: Vec<Vec<Resource>>, problems: &mut [Problems]) -> Self {
        let mut newest = Newest::default();
        for (file, resources) in resources.into_iter().enumerate() {
            for resource in resources {
                match resource {
                    Resource::Node(it) => keep("TinyNode", &mut newest.nodes, file, it, problems, |it| {
                        (&it.name, it.version)
                    }),
                    Resource::Module(it) => {
                        keep("TinyModule", &mut newest.modules, file, it, problems, |it| {
                            (&it.name, it.version)
                        });
                    }
                }
            }
        }
        newest
    }
}

/// Of two resources with one name, keeps the higher version; of two with one version, the later one.
fn keep<T>(
    kind: &str,
    newest: &mut IndexMap<String, (usize, T)>,
    file: usize,
    it: T,
    problems: &mut [Problems],
    identity: impl Fn(&T) -> (&resource::At<String>, u64),
) {
    let (name, version) = identity(&it);
    let key = name.value.clone();
    let Some((other_file, other)) = newest.get(&key) else {
        newest.insert(key, (file, it));
        return;
    };
    let (other_name, other_version) = identity(other);
    let stays = other_version > version;
    let (lost_file, lost) = if stays {
        (file, name)
    } else {
        (*other_file, other_name)
    };
    let problem = Problem::new(format!(
        "two of the kind {kind} are called `{key}`: this one is left out"
    ))
    .at(&lost.span, "the other is newer, or the later of the same version");
    problems[lost_file].add(problem.warning());
    if !stays {
        newest.insert(key, (file, it));
    }
}

fn review_owner(node: &resource::Node, owner: &Owner, is_new: bool, problems: &mut Problems) {
    let span = node
        .module
        .as_ref()
        .map_or(&node.name.span, |module| &module.span);
    if let Some(other) = &owner.disagrees {
        let problem = Problem::new(format!(
            "the node `{}` is of the module `{other}` by its name, and of `{}` by its spec",
            node.name.value, owner.module
        ))
        .at(span, "this one is taken")
        .at(&node.name.span, "deployed modules route by this one")
        .help("name both alike: messages to the node may not arrive");
        problems.add(problem.warning());
    }
    if !owner.ambiguous.is_empty() {
        let problem = Problem::new(format!("`{}` may mean several modules", owner.module))
            .at(span, format!("{} would do", owner.ambiguous.join(", ")))
            .help("write the module's full name");
        problems.add(problem.warning());
    } else if !owner.is_registered && is_new {
        let problem = Problem::new(format!("the module `{}` has no TinyModule", owner.module))
            .at(span, "not registered in these files")
            .help("others cannot find it until it is; the topology has it all the same");
        problems.add(problem.warning());
    }
}

/// Warns about edges from ports that the node does not report.
fn review_ports(node: &resource::Node, problems: &mut Problems) {
    for edge in &node.edges {
        if !has_port(node, &edge.port) {
            let problem = Problem::new(format!(
                "the node `{}` has no port `{}`",
                node.name.value, edge.port.value
            ))
            .at(&edge.port.span, "not among its `status.ports`");
            problems.add(with_ports(problem, node));
        }
    }
}

fn review_target(edge: &resource::Edge, target: &resource::Node, problems: &mut Problems) {
    if !has_port(target, &edge.target_port) {
        let problem = Problem::new(format!(
            "the node `{}` has no port `{}`",
            target.name.value, edge.target_port
        ))
        .at(&edge.node.span, "not among its `status.ports`");
        problems.add(with_ports(problem, target));
    }
}

/// True for a node that has not reported its ports, and for system ports, which are never reported.
fn has_port(node: &resource::Node, port: &str) -> bool {
    let has = |ports: &Vec<String>| ports.iter().any(|it| it == port);
    port.starts_with('_') || node.ports.as_ref().is_none_or(has)
}

fn with_ports(problem: Problem, node: &resource::Node) -> Problem {
    let ports = node.ports.as_deref().unwrap_or_default();
    match ports {
        [] => problem.help("it has none"),
        ports => problem.help(format!("it has {}", ports.join(", "))),
    }
    .warning()
}
