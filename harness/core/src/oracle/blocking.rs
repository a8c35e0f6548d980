//! No caller returns before its callee: a send blocks until the remote handler has returned, and with it all calls that
//! the handler waits for. Spec: router S-28.
//!
//! - A hop ends ok only after the execution at its other end did.
//! - A call ends ok only after what the workload itself caused did.
//! - An execution that returns does so after everything that it caused. What it abandoned (cancelled, timed out,
//!   dropped) may end later. Hosts on which a component used `tokio::spawn` are exempt: no handler waits for what such
//!   a task sends.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Execution, Hop, Moment};
use crate::journal::{Handling, Id};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Blocking;

impl Oracle for Blocking {
    fn name(&self) -> &'static str {
        "blocking"
    }

    fn promise(&self) -> &'static str {
        "nobody returns before its callee"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            check_hop(run, call, hop, &mut first);
        }
        for call in run.calls.iter() {
            check_call(run, call, &mut first);
            check_parents(run, Some(call), &call.hops, &call.executions, &mut first);
        }
        check_parents(
            run,
            None,
            &run.calls.own_hops,
            &run.calls.own_executions,
            &mut first,
        );
        first.result()
    }
}

fn check_hop(run: &Run<'_>, call: Option<&Call<'_>>, hop: &Hop<'_>, first: &mut First) {
    let Some(end) = hop.end.filter(|_| hop.is_ok()) else {
        return;
    };
    let Some(execution) = run.calls.execution(hop.span) else {
        return;
    };
    first.judges();
    if execution.end.is_none_or(|done| done.moment > end.moment) {
        let what = "ended ok before its callee returned";
        first.offer(end.moment, || run.of_hop(call, hop, end.moment.at, what));
    }
}

fn check_call(run: &Run<'_>, call: &Call<'_>, first: &mut First) {
    let Some(end) = call.end.filter(|_| call.is_ok()) else {
        return;
    };
    first.judges();
    let hops = call.root_hops().map(|hop| hop.end.map(|end| end.moment));
    let executions = call
        .root_executions()
        .map(|execution| execution.end.map(|end| end.moment));
    if hops
        .chain(executions)
        .any(|root| root.is_none_or(|root| root > end.moment))
    {
        first.offer(end.moment, || {
            run.of_call(call, end.moment.at, "ended ok before its callee returned")
        });
    }
}

fn check_parents(
    run: &Run<'_>,
    call: Option<&Call<'_>>,
    hops: &[Hop<'_>],
    executions: &[Execution<'_>],
    first: &mut First,
) {
    if executions.is_empty() {
        return;
    }
    let mut parents: Vec<(Id, Moment, &Execution<'_>)> = executions
        .iter()
        .filter_map(|it| Some((it.span, returned(run, it)?, it)))
        .collect();
    parents.sort_unstable_by_key(|(span, ..)| *span);
    let children = hops
        .iter()
        .filter(|hop| !gave_up(hop))
        .map(|hop| (hop.parent, hop.end.map(|end| end.moment)));
    // Only executions in the same module: a remote one has a hop between itself and its parent.
    let local = executions
        .iter()
        .filter(|it| !it.remote && it.end.is_some_and(|end| end.how != Handling::Dropped))
        .map(|it| (it.parent, it.end.map(|end| end.moment)));
    for (parent, ended) in children.chain(local) {
        let Ok(place) = parents.binary_search_by_key(&parent, |(span, ..)| *span) else {
            continue;
        };
        let (_, returned, parent) = parents[place];
        let Some(ended) = ended else { continue };
        first.judges();
        if ended > returned {
            let what = "returned before what it waits for";
            first.offer(ended, || run.of_execution(call, parent, returned.at, what));
        }
    }
}

/// When it returned by itself. `None` also on hosts with spawned tasks, whose sends no handler awaits.
fn returned(run: &Run<'_>, execution: &Execution<'_>) -> Option<Moment> {
    let end = execution
        .end
        .filter(|end| matches!(end.how, Handling::Ok | Handling::Error))?;
    let strays = run
        .history
        .hosts
        .get(execution.host)
        .map_or(0, |host| host.strays);
    (strays == 0).then_some(end.moment)
}

fn gave_up(hop: &Hop<'_>) -> bool {
    hop.end
        .is_none_or(|end| matches!(end.status, "cancelled" | "timeout"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Entry, Event};
    use crate::testing::{MS, S, Script, assert_holds, broken, call_end, handle_end, hop_end, span};

    fn script() -> Script {
        let mut script = Script::new();
        script
            .at(S)
            .chain(1)
            .at(2 * S)
            .local(2)
            .at(3 * S)
            .slow_component(3);
        script
    }

    /// Moves a line behind another one, to the same instant.
    fn move_behind(entries: &mut Vec<Entry>, line: usize, other: usize) {
        let mut moved = entries.remove(line);
        moved.at = entries[other - 1].at;
        entries.insert(other, moved);
    }

    #[test]
    fn a_hop_that_ends_ok_before_its_callee_returned_is_found() {
        let violation = broken(&Blocking, script(), |entries| {
            let (done, end) = (handle_end(entries, span(1, 2)), hop_end(entries, span(1, 2)));
            move_behind(entries, done, end);
        });
        assert_eq!((violation.call, violation.to.as_str()), (Some(1), "disk.put"));
        assert_eq!(violation.what, "ended ok before its callee returned");
    }

    #[test]
    fn a_call_that_ends_ok_before_its_callee_returned_is_found() {
        for (call, root) in [(1, hop_end as fn(&[Entry], Id) -> usize), (2, handle_end)] {
            let violation = broken(&Blocking, script(), |entries| {
                let (done, end) = (root(entries, span(call, 1)), call_end(entries, call));
                move_behind(entries, done, end);
            });
            assert_eq!((violation.call, violation.from.as_str()), (Some(call), "front"));
        }
    }

    #[test]
    fn a_component_that_returns_before_its_hop_is_found() {
        let violation = broken(&Blocking, script(), |entries| {
            let (child, parent) = (hop_end(entries, span(1, 2)), handle_end(entries, span(1, 1)));
            move_behind(entries, child, parent);
        });
        assert_eq!(violation.what, "returned before what it waits for");
        assert_eq!(
            (violation.from.as_str(), violation.to.as_str()),
            ("back", "echo.in")
        );
    }

    #[test]
    fn a_component_that_returns_before_another_one_of_its_module_is_found() {
        let mut script = Script::new();
        script.call_started(1, 1, "router.in");
        script.handle_started(0, "front", 1, (span(1, 1), Id::NONE), "router.in", false);
        script.handle_started(0, "front", 1, (span(1, 2), span(1, 1)), "router.out", false);
        script.handle_ended(MS, "front", span(1, 2), Handling::Ok);
        script
            .handle_ended(2 * MS, "front", span(1, 1), Handling::Ok)
            .call_ended(2 * MS, 1, "");
        let violation = broken(&Blocking, script, |entries| {
            let (child, parent) = (handle_end(entries, span(1, 2)), handle_end(entries, span(1, 1)));
            move_behind(entries, child, parent);
        });
        assert_eq!(violation.to, "router.in");
    }

    #[test]
    fn what_was_given_up_may_end_later() {
        for status in ["cancelled", "timeout"] {
            let (plan, mut journal) = script().finish();
            let entries = &mut journal.entries;
            entries.retain(
                |entry| !matches!(&entry.event, Event::HandleEnded { span: id, .. } if *id == span(1, 2)),
            );
            let (child, parent) = (hop_end(entries, span(1, 2)), handle_end(entries, span(1, 1)));
            let Event::HopEnded {
                status: label,
                outcome,
                ..
            } = &mut entries[child].event
            else {
                panic!("an end")
            };
            *label = status.into();
            *outcome = crate::journal::Outcome::Unknown;
            move_behind(entries, child, parent);
            for (number, entry) in (0..).zip(entries) {
                entry.number = number;
            }
            assert!(Blocking.check(&Run::of(&plan, &journal)).is_ok(), "{status}");
        }
    }

    #[test]
    fn nobody_waits_for_what_a_stray_task_sends() {
        let mut script = Script::new();
        script
            .at(S)
            .push(
                "back",
                Event::StrayTask {
                    place: "src/till.rs:7:9".into(),
                },
            )
            .chain(1);
        script.hop_started(2 * MS, "back", 1, (span(1, 5), span(1, 1)), "disk.put", 1);
        script.hop_ended(30 * MS, "back", span(1, 5), "unavailable", "");
        assert_holds(&Blocking, script);
    }
}
