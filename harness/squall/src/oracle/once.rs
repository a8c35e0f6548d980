//! Nothing is sent or executed twice. Spec: router W-2, appendix C (single-shot mode).
//!
//! What may have run is never sent again behind the caller's back. A pool that does so shows in one of three ways:
//! - a call with more than one root: hops and local executions that the workload itself caused;
//! - one span that two hops carry;
//! - one span that is executed twice.
//!
//! Below the root nothing is said of how often a component sends to the same target: it may do so on purpose.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Moment};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Once;

impl Oracle for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn promise(&self) -> &'static str {
        "no message is sent or executed twice"
    }

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let mut first = First::default();
        for call in run.calls.iter() {
            if let Some(second) = second_root(call) {
                first.offer(second, || run.of_call(call, second.at, "was sent a second time"));
            }
        }
        for (call, hop) in run.calls.hops() {
            if let Some(again) = hop.started_again {
                let what = || format!("hop {} was sent a second time", hop.span);
                first.offer(again, || run.of_hop(call, hop, again.at, what()));
            }
        }
        for (call, execution) in run.calls.executions() {
            if let Some((again, host)) = execution.started_again {
                let what = || format!("{} was executed a second time, on {host}", execution.span);
                first.offer(again, || run.of_execution(call, execution, again.at, what()));
            }
        }
        first.result()
    }
}

fn second_root(call: &Call<'_>) -> Option<Moment> {
    let hops = call.root_hops().map(|hop| hop.started);
    let executions = call.root_executions().map(|execution| execution.started);
    let mut roots: Vec<Moment> = hops.chain(executions).collect();
    roots.sort_unstable();
    roots.get(1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Id};
    use crate::testing::{MS, S, Script, broken, handle_start, hop_start, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).local(2);
        script
    }

    #[test]
    fn a_span_that_is_executed_twice_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = handle_start(entries, span(1, 2));
            let mut again = entries[start].clone();
            again.host = "store-1".into();
            again.at += MS;
            entries.insert(start + 1, again);
        });
        assert_eq!(
            violation.what,
            "0000000000000102 was executed a second time, on store-1"
        );
        assert_eq!(violation.call, Some(1));
    }

    #[test]
    fn a_span_that_two_hops_carry_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = hop_start(entries, span(1, 2));
            entries.insert(start + 1, entries[start].clone());
        });
        assert_eq!(violation.what, "hop 0000000000000102 was sent a second time");
    }

    #[test]
    fn a_hidden_retry_under_another_span_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = hop_start(entries, span(1, 1));
            let mut again = entries[start].clone();
            let Event::HopStarted { span: id, .. } = &mut again.event else {
                panic!("a start")
            };
            *id = span(1, 9);
            entries.insert(start + 1, again);
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "was sent a second time")
        );
    }

    #[test]
    fn a_second_local_execution_of_a_call_is_found() {
        let violation = broken(&Once, script(), |entries| {
            let start = handle_start(entries, span(2, 1));
            let mut again = entries[start].clone();
            let Event::HandleStarted { span: id, .. } = &mut again.event else {
                panic!("a start")
            };
            *id = span(2, 9);
            entries.insert(start + 1, again);
        });
        assert_eq!((violation.call, violation.at), (Some(2), 2 * S));
    }

    #[test]
    fn a_component_may_send_twice_to_the_same_target() {
        let mut script = script();
        script.at(S + MS);
        script.hop_started(0, "back", 1, (span(1, 7), span(1, 1)), "disk.put", 1);
        script.handle_started(MS, "store-1", 1, (span(1, 7), span(1, 1)), "disk.put", true);
        crate::testing::assert_holds(&Once, script);
    }

    #[test]
    fn the_second_root_is_the_second_in_time() {
        let mut script = Script::new();
        script.call_started(1, 0, "echo.in");
        for (place, at) in [(1, 5), (2, 3), (3, 4), (4, 9)] {
            script.hop_started(at * MS, "front", 1, (span(1, place), Id::NONE), "echo.in", 0);
        }
        let (plan, journal) = script.finish();
        assert_eq!(Once.check(&Run::of(&plan, &journal)).unwrap_err().at, 4 * MS);
    }
}
