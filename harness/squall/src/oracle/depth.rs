//! Chains of calls are bounded: a cycle in the flow ends at depth 256. Spec: router 3.4.
//!
//! The entry message has depth 0. The message of depth 257 may still be sent, because it is the receiving scheduler
//! that refuses it; it must not be handled, nor answered.

use super::{First, Oracle, Run, Violation};

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
        "no message is deeper than 256"
    }

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
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
        first.result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::testing::{S, Script, handle_start, hop_start, span};

    fn check(call: u64, deep: impl FnOnce(&mut Script), change: impl FnOnce(&mut Event), hop: bool) -> bool {
        let mut script = Script::new();
        script.at(S);
        deep(&mut script);
        let (plan, mut journal) = script.finish();
        let find = if hop { hop_start } else { handle_start };
        let place = find(&journal.entries, span(call, 1));
        change(&mut journal.entries[place].event);
        Depth.check(&Run::of(&plan, &journal)).is_ok()
    }

    fn set(to: u32) -> impl FnOnce(&mut Event) {
        move |event| match event {
            Event::HopStarted { depth, .. } | Event::HandleStarted { depth, .. } => *depth = to,
            other => panic!("no depth in {other:?}"),
        }
    }

    #[test]
    fn a_message_may_be_handled_at_depth_256_and_not_deeper() {
        let chain = |script: &mut Script| {
            script.chain(1);
        };
        assert!(check(1, chain, set(256), false));
        assert!(!check(1, chain, set(257), false));
    }

    #[test]
    fn a_hop_of_depth_257_may_be_refused_and_not_answered() {
        let answered = |script: &mut Script| {
            script.chain(1);
        };
        let refused = |script: &mut Script| {
            script.unavailable(1);
        };
        assert!(check(1, answered, set(256), true));
        assert!(!check(1, answered, set(257), true));
        assert!(check(1, refused, set(257), true));
        assert!(!check(1, refused, set(258), true));
    }
}
