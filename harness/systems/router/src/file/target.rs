//! `to`: a port of a node.

use squall_core::file::key::Key;
use squall_core::file::names::{destination, unknown};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::targets::{Calls, PAYLOAD, TargetShape};

use super::ports::check_input;
use crate::plan::Module;
use crate::target::NodePort;

impl TargetShape for NodePort {
    const KEY: &'static str = "to";
    const ABOUT: &'static str = "Whom they call: \"node.port\"";
    const CARRIES: &'static Key = &PAYLOAD;
    const CARRIES_WHAT: &'static str = "a node is sent a `payload`";
    type Raw = String;

    fn check(to: &At<String>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self> {
        let topology = calls.topology;
        let target = destination(to, problems);
        if let Some((node, port)) = target {
            match Module::owning(topology, node) {
                Some(owner) => {
                    let inputs = owner.nodes[node].inputs.as_deref();
                    check_input(node, port, inputs, &to.span, problems);
                }
                None => {
                    let nodes = topology
                        .all::<Module>()
                        .values()
                        .flat_map(|module| module.nodes.keys());
                    unknown("node", node, &to.span, nodes.map(String::as_str), problems);
                }
            }
        }
        let is_module = |host: &str| Module::on_hosts(topology).any(|(other, _)| other == host);
        if let Some(other) = calls.first_not(is_module) {
            let problem = Problem::new(format!("`{other}` is no module"))
                .at(calls.from_span, "messages to nodes start at modules")
                .help("name hosts of modules; from a manager, write `call` instead of `to`");
            problems.add(problem);
        }
        let (node, port) = target?;
        Some(NodePort {
            node: node.to_owned(),
            port: port.to_owned(),
            payload: calls
                .payload()
                .map_or_else(|| serde_json::json!({}), |payload| payload.value.clone()),
        })
    }
}
