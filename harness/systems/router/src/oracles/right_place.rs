//! Only the addressed node handles a message, at its owner. Spec: router S-9 to S-12. `Executed` judges whether it is
//! handled at all.
//!
//! A node changes its owner at the instant of the move: a hop may still go to the old one, which rejects it. A hop
//! without a known owner carries no target module; it may fail, but not succeed.

use squall_core::calls::{Call, Execution, Hop, HopKind};
use squall_core::oracle::{First, Oracle, Run, Violation};
use squall_core::target::Causes;

use crate::evidence::Placement;
use crate::plan::Module;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct RightPlace;

impl Oracle for RightPlace {
    fn name(&self) -> &'static str {
        "right place"
    }

    fn promise(&self) -> &'static str {
        "only the node that was addressed handles a message"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let placement = run.evidence::<Placement>();
        for call in run.calls.iter().filter(|call| run.causes(call) != Causes::Any) {
            check_root(run, call, &mut first);
        }
        for (call, hop) in run.calls.messages() {
            first.judges();
            check_owner(run, &placement, call, hop, &mut first);
        }
        let of_nodes = run
            .calls
            .executions()
            .filter(|(_, it)| it.kind == HopKind::Message);
        for (call, execution) in of_nodes {
            first.judges();
            if let Some(what) = misplaced(run, &placement, execution) {
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

fn check_owner(
    run: &Run<'_>,
    placement: &Placement,
    call: Option<&Call<'_>>,
    hop: &Hop<'_>,
    first: &mut First,
) {
    // The sender's view may be outdated; `Converges` judges that.
    let node = hop.to.rsplit_once('.').map_or("", |(node, _)| node);
    let owners = placement.owners(node, 0, hop.started.at);
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

fn misplaced(run: &Run<'_>, placement: &Placement, execution: &Execution<'_>) -> Option<String> {
    let module = run.plan.topology.all::<Module>().get(execution.module);
    let at = execution.started.at;
    let owners = placement.owners(execution.node, at, at);
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
