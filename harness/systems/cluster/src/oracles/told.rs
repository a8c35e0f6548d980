//! A delivery's answer is what the actor did with its message, and what certainly was not delivered was not handled. Spec:
//! cluster 3.2, W1.
//!
//! The message may have been sent again, to a later process of the node: any of the processes may be the one that
//! answered.

use squall_core::calls::Call;
use squall_core::journal::Outcome;
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::{Actors, Handled};
use crate::target::{ACTOR_FAILED, Delivery, REJECTED, message_id};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Told;

impl Oracle for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn promise(&self) -> &'static str {
        "the answer to a delivery is what the actor did"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let actors = run.evidence::<Actors>();
        for call in run.calls.iter() {
            let workload = run.plan.workloads.get(call.workload as usize);
            let target = workload.and_then(|workload| workload.target.downcast_ref::<Delivery>());
            if let Some(target) = target {
                check_call(run, &actors, (call, target), &mut first);
            }
        }
        first.result()
    }
}

fn check_call(run: &Run<'_>, actors: &Actors, (call, target): (&Call<'_>, &Delivery), first: &mut First) {
    let id = message_id(call.trace);
    let handled = || actors.of_message(&id);
    let is_target = |it: &&Handled| *it.node == *target.node && *it.actor == *target.actor;
    if let Some(other) = handled().find(|it| !is_target(it)) {
        let what = || format!("{}@{} handled it", other.actor, other.node);
        first.offer(other.moment, || run.of_call(call, other.moment.at, what()));
    }
    let Some(end) = call.end else { return };
    let outcomes: &[&str] = match (end.outcome, end.class) {
        (Outcome::Ok, _) => &["handled", "completed"],
        (_, REJECTED) => &["rejected", "ignored"],
        (_, ACTOR_FAILED) => &["failed"],
        (Outcome::Failed, _) => &[],
        (Outcome::Unknown, _) => return,
    };
    first.judges();
    if outcomes.is_empty() {
        // A process that died may have handled it: then the answer is of its successor.
        let is_known = |it: &&Handled| !run.history.stopped_between(&it.node, it.moment.at, end.moment.at);
        if let Some(done) = handled().find(is_known) {
            let moment = done.moment.max(end.moment);
            let what = || format!("{}, and the actor has {} it", end.class, done.outcome);
            first.offer(moment, || run.of_call(call, moment.at, what()));
        }
        return;
    }
    let is_so = |it: &Handled| it.moment < end.moment && outcomes.contains(&&*it.outcome);
    if !handled().any(is_so) {
        let told = if end.class.is_empty() { "ok" } else { end.class };
        let done = handled().next();
        let done = done.map_or("never got", |it| &*it.outcome);
        let what = || format!("the answer was {told}, and the actor {done} it");
        first.offer(end.moment, || run.of_call(call, end.moment.at, what()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ClusterEvent;
    use crate::testing::{Entry, MS, OfNodes, S, Script, assert_holds, broken, find};

    fn script() -> Script {
        let mut script = Script::of_nodes();
        script.at(S).delivered(1, (1, 1), "handled");
        script.at(2 * S).delivered(2, (1, 2), "rejected");
        script.at(3 * S).delivered(3, (1, 3), "failed");
        script.at(4 * S).refused(4, "not_delivered");
        script.at(5 * S).refused(5, "timeout");
        script
    }

    fn event_of(entries: &[Entry], number: u64) -> usize {
        find(
            entries,
            |event| matches!(event.get(), Some(ClusterEvent::ActorHandled { number: it, .. }) if *it == number),
        )
    }

    fn event(entries: &mut [Entry], number: u64) -> &mut ClusterEvent {
        let place = event_of(entries, number);
        entries[place].event.get_mut().expect("an event")
    }

    #[test]
    fn an_answer_without_the_deed_is_found() {
        let violation = broken(&Told, script(), |entries| {
            entries.remove(event_of(entries, 1));
        });
        assert_eq!(violation.call, Some(1));
        assert_eq!(violation.what, "the answer was ok, and the actor never got it");
    }

    #[test]
    fn an_answer_that_is_not_the_deed_is_found() {
        for (number, call, told, done) in [(1, 1, "ok", "rejected"), (2, 2, "rejected", "handled")] {
            let violation = broken(&Told, script(), |entries| {
                if let ClusterEvent::ActorHandled { outcome, .. } = event(entries, number) {
                    *outcome = done.into();
                }
            });
            assert_eq!(violation.call, Some(call));
            let what = format!("the answer was {told}, and the actor {done} it");
            assert_eq!(violation.what, what);
        }
    }

    #[test]
    fn a_message_that_another_actor_handled_is_found() {
        let violation = broken(&Told, script(), |entries| {
            if let ClusterEvent::ActorHandled { actor, .. } = event(entries, 3) {
                *actor = "bills".into();
            }
        });
        assert_eq!(
            (violation.call, &*violation.what),
            (Some(3), "bills@node-b handled it")
        );
    }

    #[test]
    fn what_was_certainly_not_delivered_was_not_handled_in_the_same_process() {
        let mut late = script();
        late.at(4 * S).handled(10 * MS, 4, (1, 4), "handled");
        let (plan, journal) = late.finish();
        let violation = Told.check(&Run::of(&plan, &journal)).expect_err("it was handled");
        assert_eq!(violation.what, "not_delivered, and the actor has handled it");
        let mut of_another_process = Script::of_nodes();
        of_another_process.at(4 * S).refused(4, "not_delivered");
        of_another_process.at(4 * S).handled(0, 4, (1, 1), "handled");
        of_another_process.at(4 * S).restarted("node-b", 1);
        assert_holds(&Told, of_another_process);
    }

    #[test]
    fn what_is_unknown_may_have_happened() {
        let mut script = script();
        script.at(5 * S).handled(MS, 5, (1, 4), "handled");
        assert_holds(&Told, script);
    }
}
