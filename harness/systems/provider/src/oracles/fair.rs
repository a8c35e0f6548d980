//! Round robin is fair: while the members of a group stay the same, their call counts differ by at most one. Spec:
//! provider 2.11.
//!
//! A member takes calls from its registration until it drains or leaves, except while it is ejected: then it may get
//! single trial calls, or all members are ejected, and its calls do not count. A retry uses up a turn of an unknown
//! member, so it resets the counts.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use squall_core::calls::{Hop, Moment};
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::Providers;
use crate::plan::ProviderState;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Fair;

impl Oracle for Fair {
    fn name(&self) -> &'static str {
        "fair"
    }

    fn promise(&self) -> &'static str {
        "members of a group take turns"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let providers = run.evidence::<Providers>();
        let mut pools: BTreeMap<(&str, &str), Pool<'_>> = BTreeMap::new();
        for (moment, step) in steps(run, &providers) {
            let pool = pools.entry(step.place()).or_default();
            if pool.owes(step) {
                first.judges();
            }
            let Some(what) = pool.step(step) else { continue };
            let (manager, _) = step.place();
            let violation = || Violation {
                from: manager.to_owned(),
                ..run.of_world(None, moment.at, what)
            };
            first.offer(moment, violation);
        }
        first.result()
    }
}

/// The members that take calls.
#[derive(Default)]
struct Pool<'a> {
    /// By connection: its name in reports, and its calls since the last change.
    asked: IndexMap<&'a str, (&'a str, u64)>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    /// Manager, namespace, connection.
    Joins(&'a str, &'a str, &'a str),
    Leaves(&'a str, &'a str, &'a str),
    Asked(&'a Hop<'a>),
}

fn steps<'a>(run: &'a Run<'_>, providers: &'a Providers) -> Vec<(Moment, Step<'a>)> {
    let mut steps = Vec::new();
    for connection in &providers.connections {
        let (manager, namespace, id) = (&*connection.manager, &*connection.namespace, &*connection.id);
        steps.push((connection.registered(), Step::Joins(manager, namespace, id)));
        let goes =
            |state: ProviderState| matches!(state, ProviderState::Draining | ProviderState::Deregistered);
        let gone = connection.states.iter().find(|change| goes(change.state));
        for (moment, is_aside) in &connection.aside {
            // In-flight calls at the time it left may still get a reply.
            if gone.is_some_and(|change| change.moment < *moment) {
                break;
            }
            let step = match is_aside {
                true => Step::Leaves(manager, namespace, id),
                false => Step::Joins(manager, namespace, id),
            };
            steps.push((*moment, step));
        }
        if let Some(change) = gone {
            steps.push((change.moment, Step::Leaves(manager, namespace, id)));
        }
    }
    steps.extend(
        run.calls
            .attempts()
            .map(|(_, hop)| (hop.started, Step::Asked(hop))),
    );
    steps.sort_by_key(|(moment, _)| *moment);
    steps
}

impl<'a> Step<'a> {
    /// The manager, and the namespace.
    fn place(&self) -> (&'a str, &'a str) {
        match self {
            Step::Joins(manager, namespace, _) | Step::Leaves(manager, namespace, _) => (manager, namespace),
            Step::Asked(hop) => (hop.host, hop.target_module),
        }
    }
}

impl<'a> Pool<'a> {
    /// Whether a step uses a turn, where there are several members.
    fn owes(&self, step: Step<'a>) -> bool {
        matches!(step, Step::Asked(hop) if hop.attempt == 1 && self.asked.contains_key(hop.connection))
            && self.asked.len() > 1
    }

    /// Applies a step. Returns the violation, if any.
    fn step(&mut self, step: Step<'a>) -> Option<String> {
        match step {
            Step::Joins(_, _, connection) => {
                self.asked.insert(connection, (connection, 0));
            }
            Step::Leaves(_, _, connection) => {
                self.asked.shift_remove(connection);
            }
            Step::Asked(hop) if hop.attempt > 1 => {}
            Step::Asked(hop) => {
                let (executor, count) = self.asked.get_mut(hop.connection)?;
                (*executor, *count) = (hop.addressed, *count + 1);
                return self.complaint();
            }
        }
        self.asked.values_mut().for_each(|(_, count)| *count = 0);
        None
    }

    fn complaint(&self) -> Option<String> {
        let (most, often) = self.asked.values().max_by_key(|(_, count)| *count)?;
        let (least, seldom) = self.asked.values().min_by_key(|(_, count)| *count)?;
        (often - seldom > 1).then(|| {
            format!(
                "{most} was asked {often} times, and {least} {seldom} times, since the last change of the group"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ProviderEvent;
    use crate::testing::{OfAFleet, S, Script, assert_holds, broken, find};

    fn script() -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0").joins("b", "ml-1").at(2 * S);
        for execution in 1..7 {
            let (id, host) = if execution % 2 == 0 {
                ("a", "ml-0")
            } else {
                ("b", "ml-1")
            };
            script.attempt(execution, 1, id, host);
        }
        script
    }

    #[test]
    fn a_member_that_is_asked_twice_as_often_is_found() {
        let violation = broken(&Fair, script(), |entries| {
            let turn = find(
                entries,
                |event| matches!(event.get(), Some(ProviderEvent::ExecuteStarted { connection, .. }) if &**connection == "a"),
            );
            let Some(ProviderEvent::ExecuteStarted {
                connection, executor, ..
            }) = entries[turn].event.get_mut()
            else {
                panic!("a start")
            };
            (*connection, *executor) = ("b".into(), "ml-1:9091".into());
        });
        assert_eq!(
            violation.what,
            "ml-1:9091 was asked 2 times, and a 0 times, since the last change of the group"
        );
    }

    #[test]
    fn who_joins_is_owed_nothing_and_who_drains_gets_nothing() {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0").at(2 * S);
        for execution in 1..9 {
            script.attempt(execution, 1, "a", "ml-0");
        }
        script.at(3 * S).joins("b", "ml-1").at(4 * S);
        script.attempt(10, 1, "b", "ml-1").attempt(11, 1, "a", "ml-0");
        script
            .at(5 * S)
            .enters("a", "ml-0", "draining", "drain requested")
            .at(6 * S);
        for execution in 20..25 {
            script.attempt(execution, 1, "b", "ml-1");
        }
        assert_holds(&Fair, script);
    }

    #[test]
    fn who_is_put_aside_is_owed_nothing_and_the_others_are_fair_among_themselves() {
        let script = || {
            let mut script = Script::of_a_fleet();
            script.at(S).joins("a", "ml-0").joins("b", "ml-1").at(2 * S);
            script.put_aside("a", "ml-0", true).at(3 * S);
            for execution in 1..5 {
                script.attempt(execution, 1, "b", "ml-1");
            }
            // One trial that fails, and one that succeeds.
            script.attempt(5, 1, "a", "ml-0").attempt(6, 1, "b", "ml-1");
            script.attempt(7, 1, "a", "ml-0");
            script.put_aside("a", "ml-0", false).at(4 * S);
            script.attempt(8, 1, "b", "ml-1").attempt(9, 1, "a", "ml-0");
            script
        };
        assert_holds(&Fair, script());
        let mut unfair = script();
        unfair
            .at(5 * S)
            .attempt(10, 1, "b", "ml-1")
            .attempt(11, 1, "b", "ml-1");
        let (plan, journal) = unfair.finish();
        let checked = Fair.check(&Run::of(&plan, &journal));
        assert!(checked.is_err(), "now it is owed its turn");
    }

    #[test]
    fn a_second_attempt_takes_a_turn() {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0").joins("b", "ml-1").at(2 * S);
        script.attempt(1, 1, "a", "ml-0").attempt(1, 2, "b", "ml-1");
        script.attempt(2, 1, "a", "ml-0").attempt(2, 2, "b", "ml-1");
        script.attempt(3, 1, "a", "ml-0");
        assert_holds(&Fair, script);
    }
}
