//! `deliver`: an actor of a node.

use squall_core::file::key::Key;
use squall_core::file::names::{nearest, unknown};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::targets::{Calls, PAYLOAD, TargetShape};
use squall_core::plan::Topology;

use crate::plan::ClusterNode;
use crate::target::Delivery;

impl TargetShape for Delivery {
    const KEY: &'static str = "deliver";
    const ABOUT: &'static str =
        "Instead of `to`: the actor of a cluster's node that gets an event: \"actor@node\"";
    const CARRIES: &'static Key = &PAYLOAD;
    const CARRIES_WHAT: &'static str = "an actor is delivered a `payload`";
    type Raw = String;

    fn check(to: &At<String>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self> {
        let target = address(to, problems);
        if let Some((actor, node)) = target {
            check_actor(to, (actor, node), calls.topology, problems);
        }
        if let Some(other) = calls.first_not(|host| ClusterNode::is_one(calls.topology, host)) {
            let problem = Problem::new(format!("`{other}` is no node of a cluster"))
                .at(calls.from_span, "events are delivered by nodes of a cluster")
                .help("name hosts of [cluster.*]");
            problems.add(problem);
        }
        let (actor, node) = target?;
        Some(Delivery {
            actor: actor.to_owned(),
            node: node.to_owned(),
            payload: calls
                .payload()
                .map_or_else(|| serde_json::json!({}), |payload| payload.value.clone()),
        })
    }
}

/// Splits `actor@node`.
fn address<'a>(text: &'a At<String>, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
    let parts = text
        .rsplit_once('@')
        .filter(|(actor, node)| !actor.is_empty() && !node.is_empty());
    if parts.is_none() {
        let problem = Problem::new(format!("`{}` does not say which actor of which node", text.value))
            .at(&text.span, "expected \"actor@node\"")
            .help("name the actor, an `@`, and its node, as in \"orders@node-b\"");
        problems.add(problem);
    }
    parts
}

fn check_actor(to: &At<String>, (actor, node): (&str, &str), topology: &Topology, problems: &mut Problems) {
    let nodes = topology.all::<ClusterNode>();
    let Some(known) = nodes.get(node) else {
        let names = nodes.keys().map(String::as_str);
        return unknown("node of a cluster", node, &to.span, names, problems);
    };
    if known.actors.contains_key(actor) {
        return;
    }
    let elsewhere = nodes.values().find(|other| other.actors.contains_key(actor));
    let own = known.actors.keys().map(String::as_str);
    let help = match (elsewhere, nearest(actor, own.clone())) {
        (Some(other), _) => format!("it is on `{}`", other.name),
        (None, Some(name)) => format!("did you mean `{name}`?"),
        (None, None) => match own.collect::<Vec<_>>() {
            own if own.is_empty() => format!("`{node}` spawns none: add [cluster.{node}.actor.{actor}]"),
            own => format!("there is {}", own.join(", ")),
        },
    };
    let problem = Problem::new(format!("`{node}` has no actor `{actor}`"));
    problems.add(problem.at(&to.span, "not known").help(help));
}
