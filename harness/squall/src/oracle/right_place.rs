//! Only the node that was addressed handles a message, at its owner, and only its answer is accepted.
//! Spec: router S-9 to S-12.
//!
//! A call that ends ok has been handled by somebody: a reply out of nowhere is none.
//! A node that moves is at its old place until then, and at its new one from then on: a hop may still go to the old
//! one, whose module will not have it. A hop that found no owner carries no target module; it may fail, not succeed.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Execution, Hop, Moment, Protocol};
use crate::journal::Id;
use crate::plan::Target;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct RightPlace;

impl Oracle for RightPlace {
    fn name(&self) -> &'static str {
        "right place"
    }

    fn promise(&self) -> &'static str {
        "only the node that was addressed handles a message and answers it"
    }

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let mut first = First::default();
        for call in run.calls.iter().filter(|call| !run.is_program(call)) {
            check_root(run, call, &mut first);
            check_answered(run, call, &mut first);
        }
        for (call, hop) in run.calls.messages() {
            check_owner(run, call, hop, &mut first);
        }
        for (call, hop) in run.calls.hops() {
            check_hop(run, call, hop, &mut first);
        }
        let of_nodes = run
            .calls
            .executions()
            .filter(|(_, it)| it.protocol == Protocol::Router);
        for (call, execution) in of_nodes {
            if let Some(what) = misplaced(run, execution) {
                let at = execution.started;
                first.offer(at, || run.of_execution(call, execution, at.at, what));
            }
        }
        first.result()
    }
}

fn check_root(run: &Run<'_>, call: &Call<'_>, first: &mut First) {
    for hop in call.root_hops().filter(|hop| hop.to != call.to) {
        let what = || format!("was sent to {}", hop.to);
        first.offer(hop.started, || run.of_call(call, hop.started.at, what()));
    }
    for execution in call
        .root_executions()
        .filter(|execution| !execution.is_at(call.to))
    {
        let at = execution.started;
        let what = || format!("was handled by {}.{}", execution.node, execution.port);
        first.offer(at, || run.of_call(call, at.at, what()));
    }
}

fn check_answered(run: &Run<'_>, call: &Call<'_>, first: &mut First) {
    let workload = run.plan.workloads.get(call.workload as usize);
    let is_message = workload.is_none_or(|workload| matches!(workload.target, Target::Port { .. }));
    // A manager's own modules leave no lines.
    let Some(end) = call.end.filter(|_| call.is_ok() && is_message) else {
        return;
    };
    if call.root_hops().next().is_none() && call.root_executions().next().is_none() {
        first.offer(end.moment, || {
            run.of_call(call, end.moment.at, "was answered, but nobody handled it")
        });
    }
}

fn check_owner(run: &Run<'_>, call: Option<&Call<'_>>, hop: &Hop<'_>, first: &mut First) {
    // What it has heard of may be old news; `Converges` speaks of that.
    let node = hop.to.rsplit_once('.').map_or("", |(node, _)| node);
    let owners = run.placement.owners(node, 0, hop.started.at);
    if !owners.contains(&hop.target_module) && !hop.target_module.is_empty() {
        let what = || {
            format!(
                "was sent to module {}, which does not own the node",
                hop.target_module
            )
        };
        first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what()));
    }
}

fn check_hop(run: &Run<'_>, call: Option<&Call<'_>>, hop: &Hop<'_>, first: &mut First) {
    let Some(end) = hop.end.filter(|_| hop.is_ok()) else {
        return;
    };
    let complaint = match run.calls.execution(hop.span) {
        None if answered_before(run, hop, end.moment) => return,
        None => "was answered, but nobody handled it",
        Some(execution) if !execution.is_ok() => "was answered, but its handling did not end ok",
        Some(_) => return,
    };
    first.offer(end.moment, || run.of_hop(call, hop, end.moment.at, complaint));
}

/// Whether the message was handled when it came before: its receiver knows it by its key.
fn answered_before(run: &Run<'_>, hop: &Hop<'_>, until: Moment) -> bool {
    let same = |it: &Execution<'_>| it.key == hop.key && it.is_ok() && it.is_at(hop.to);
    hop.key != Id::NONE
        && run
            .calls
            .executions()
            .any(|(_, it)| same(it) && it.end.is_some_and(|end| end.moment <= until))
}

fn misplaced(run: &Run<'_>, execution: &Execution<'_>) -> Option<String> {
    let module = run.plan.topology.modules.get(execution.module);
    let at = execution.started.at;
    let owners = run.placement.owners(execution.node, at, at);
    if !owners.contains(&execution.module) {
        return Some(format!(
            "handled by module {}, which does not own the node",
            execution.module
        ));
    }
    if !module.is_some_and(|module| module.hosts.iter().any(|host| host == execution.host)) {
        return Some(format!(
            "handled on a host that is not of module {}",
            execution.module
        ));
    }
    if !execution.remote {
        return None;
    }
    let Some(hop) = run.calls.hop(execution.span) else {
        return Some("came from another module, which never sent it".to_owned());
    };
    if hop.target_module != execution.module {
        return Some(format!(
            "handled by module {}, sent to {}",
            execution.module, hop.target_module
        ));
    }
    (!execution.is_at(hop.to)).then(|| format!("handled here, sent to {}", hop.to))
}

#[cfg(test)]
mod tests;
