//! Call chains are bounded by the number of executions: a cycle in the flow ends at depth 256, even within one module.
//! Spec: router 3.4.
//!
//! A message that a workload causes has depth 0. One that an execution causes, remote or local, is one deeper than the
//! execution. Sender and receiver of a message agree on its depth.
//!
//! The message of depth 257 may still be sent, because it is the receiving scheduler that refuses it; it must be neither
//! handled nor answered.

use squall_core::calls::{Call, Execution};
use squall_core::journal::Id;
use squall_core::oracle::{First, Oracle, Run, Violation};

/// The deepest message that a scheduler accepts. Spec: router 3.4.
const DEPTH_MAX: u32 = 256;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Depth;

impl Oracle for Depth {
    fn name(&self) -> &'static str {
        "depth"
    }

    fn promise(&self) -> &'static str {
        "no message is deeper than 256 executions"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            first.judges();
            let refused_in_time = hop.depth == DEPTH_MAX + 1 && !hop.is_ok();
            if hop.depth > DEPTH_MAX && !refused_in_time {
                let what = || format!("a hop of depth {}", hop.depth);
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what()));
            }
        }
        for (call, execution) in run.calls.executions().filter(|(_, it)| it.depth > DEPTH_MAX) {
            let at = execution.started;
            let what = || format!("handled at depth {}", execution.depth);
            first.offer(at, || run.of_execution(call, execution, at.at, what()));
        }
        check_counts(run, &mut first);
        first.result()
    }
}

/// Each must have the depth that follows from its cause.
fn check_counts(run: &Run<'_>, first: &mut First) {
    let what =
        |is: u32, due: u32| (is != due).then(|| format!("has depth {is}, and {due} executions behind it"));
    for (call, hop) in run.calls.hops() {
        let due = behind(run, call, hop.parent);
        if let Some(what) = due.and_then(|due| what(hop.depth, due)) {
            first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what));
        }
    }
    for (call, execution) in run.calls.executions() {
        first.judges();
        if let Some(what) = due(run, call, execution).and_then(|due| what(execution.depth, due)) {
            let at = execution.started;
            first.offer(at, || run.of_execution(call, execution, at.at, what));
        }
    }
}

fn due(run: &Run<'_>, call: Option<&Call<'_>>, execution: &Execution<'_>) -> Option<u32> {
    if execution.remote {
        return run.calls.hop(execution.span).map(|hop| hop.depth);
    }
    behind(run, call, execution.parent)
}

/// The depth of messages that `parent` causes, or the workload itself.
fn behind(run: &Run<'_>, call: Option<&Call<'_>>, parent: Id) -> Option<u32> {
    if parent == Id::NONE {
        return call.map(|_| 0);
    }
    run.calls.execution(parent).map(|parent| parent.depth + 1)
}

#[cfg(test)]
mod tests {
    use squall_core::journal::{Entry, Event};

    use super::*;
    use crate::testing::{OfModules, S, Script, broken, handle_start, hop_start, span};

    fn set(entry: &mut Entry, change: impl FnOnce(&mut u32)) {
        if let Event::HopStarted { depth, .. } | Event::HandleStarted { depth, .. } = &mut entry.event {
            change(depth);
        }
    }

    /// Runs a flow that starts at this depth without a cause.
    fn holds_at(depth: u32, flow: impl FnOnce(&mut Script)) -> bool {
        let mut script = Script::of_modules();
        script.at(S);
        flow(&mut script);
        let (plan, mut journal) = script.finish();
        journal
            .entries
            .retain(|entry| !matches!(entry.event, Event::CallStarted { .. } | Event::CallEnded { .. }));
        for entry in &mut journal.entries {
            set(entry, |it| *it += depth);
        }
        Depth.check(&Run::of(&plan, &journal)).is_ok()
    }

    #[test]
    fn a_message_may_be_handled_at_depth_256_and_not_deeper() {
        // Its second hop is one deeper.
        let chain = |script: &mut Script| {
            script.chain(1);
        };
        assert!(holds_at(255, chain));
        assert!(!holds_at(256, chain));
    }

    #[test]
    fn a_hop_of_depth_257_may_be_refused_and_not_answered() {
        let refused = |script: &mut Script| {
            script.unavailable(1);
        };
        assert!(holds_at(257, refused));
        assert!(!holds_at(258, refused));
    }

    #[test]
    fn an_execution_that_does_not_count_is_found() {
        let mut script = Script::of_modules();
        script.at(S).chain(1).at(2 * S).local(2);
        let violation = broken(&Depth, script, |entries| {
            for line in [hop_start(entries, span(1, 2)), handle_start(entries, span(1, 2))] {
                set(&mut entries[line], |it| *it = 0);
            }
        });
        assert_eq!(violation.what, "has depth 0, and 1 executions behind it");
        assert_eq!((violation.call, violation.from.as_str()), (Some(1), "back"));
    }

    #[test]
    fn a_message_that_is_another_depth_where_it_is_handled_is_found() {
        for call in [1, 2] {
            let mut script = Script::of_modules();
            script.at(S).local(1).at(2 * S).chain(2);
            let violation = broken(&Depth, script, |entries| {
                let start = handle_start(entries, span(call, 1));
                set(&mut entries[start], |it| *it = 7);
            });
            assert_eq!(violation.call, Some(call));
        }
    }
}
