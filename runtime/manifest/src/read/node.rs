//! A TinyNode: in the real shape, that of the documentation, and that of the samples.

use super::Reading;
use super::fields::Fields;
use super::retry::retry_policy;
use crate::Resource;
use crate::resource::{At, Edge, Input, Node};
use crate::yaml::Tree;

impl Reading {
    pub(super) fn node(&mut self, tree: &Tree) {
        let mut fields = Fields::new(tree, &mut self.problems);
        let Some((name, version)) = fields.metadata() else {
            return;
        };
        let spec = tree.get("spec");
        let field = |key| spec.and_then(|spec| spec.get(key));
        let module = field("module").and_then(|tree| fields.at(tree, "the name of a module"));
        let component = field("component").and_then(|tree| fields.at(tree, "the name of a component"));
        let edges = fields.list(field("edges"), "the edges");
        let edges = edges.iter().filter_map(|tree| edge(tree, &mut fields)).collect();
        let inputs = fields.list(field("ports"), "the ports");
        let inputs = inputs
            .iter()
            .filter_map(|tree| input(tree, &mut fields))
            .collect();
        let reported = tree
            .get("status")
            .and_then(|status| status.get("ports"))
            .and_then(Tree::list);
        let ports = reported.map(|ports| {
            ports
                .iter()
                .filter_map(|it| Some(it.get("name")?.text()?.to_owned()))
                .collect()
        });
        self.resources.push(Resource::Node(Node {
            name,
            version,
            module,
            component,
            edges,
            inputs,
            ports,
        }));
    }
}

/// `None`, and a warning, for an edge without both ends.
fn edge<'t>(tree: &'t Tree, fields: &mut Fields<'t>) -> Option<Edge> {
    let Some(port) = ["port", "fromPort"].iter().find_map(|key| tree.get(key)) else {
        fields.warn(
            tree,
            "an edge is skipped: it does not say from which port it comes".to_owned(),
            "no `port`",
        );
        return None;
    };
    let Some(to) = ["to", "toNode"].iter().find_map(|key| tree.get(key)) else {
        fields.warn(
            tree,
            "an edge is skipped: it does not say where it goes".to_owned(),
            "no `to`",
        );
        return None;
    };
    let port = fields.at(port, "the name of a port")?;
    let target = fields.at(to, "a node and a port")?;
    let (node, target_port) = match target.split_once(':') {
        Some((node, port)) => (node.to_owned(), port.to_owned()),
        None => {
            let Some(port) = tree.get("toPort") else {
                let message = "an edge is skipped: it does not say to which port it goes".to_owned();
                fields.warn(to, message, "write node:port, or a `toPort` beside it");
                return None;
            };
            (target.value.clone(), fields.at(port, "the name of a port")?.value)
        }
    };
    if node.is_empty() || target_port.is_empty() || target_port.contains(':') {
        fields.warn(
            to,
            "an edge is skipped: it does not say where it goes".to_owned(),
            "expected node:port",
        );
        return None;
    }
    let flow = ["flowID", "flowId", "flow"]
        .iter()
        .find_map(|key| tree.get(key)?.text());
    let retry = tree.get("retryPolicy");
    let retry_policy = retry.and_then(|tree| retry_policy(tree, fields));
    Some(Edge {
        span: tree.span.clone(),
        port,
        node: At {
            span: target.span,
            value: node,
        },
        target_port,
        flow: flow.map(str::to_owned),
        retry_policy,
        configuration: fields.bytes(tree.get("configuration"), "the configuration of an edge"),
    })
}

fn input(tree: &Tree, fields: &mut Fields<'_>) -> Option<Input> {
    let (port, from) = match tree.get("portName") {
        // The samples have the other end in two keys.
        Some(port) => {
            let text = |key| tree.get(key).and_then(Tree::text);
            let from = text("fromNode").zip(text("fromPort"));
            (port, from.map(|(node, port)| format!("{node}:{port}")))
        }
        None => {
            let from = tree.get("from").and_then(Tree::text);
            (
                tree.get("port")?,
                from.filter(|it| !it.is_empty()).map(str::to_owned),
            )
        }
    };
    Some(Input {
        port: fields.at(port, "the name of a port")?,
        from,
        configuration: fields.bytes(tree.get("configuration"), "the configuration of a port"),
        schema: fields.bytes(tree.get("schema"), "the schema of a port"),
    })
}
