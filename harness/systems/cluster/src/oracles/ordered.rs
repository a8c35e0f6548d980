//! Events of one life of an actor have one order, without gaps, and a message is handled once. Spec: cluster 3.3, W5, W8.
//!
//! An actor remembers the last [`REMEMBERED_LIMIT`] messages, over all of its lives in one process: a message that is
//! repeated later is handled again, and so is one that a new process gets.

use indexmap::IndexMap;
use squall_cluster::REMEMBERED_LIMIT;
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::{Actors, Handled};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Ordered;

impl Oracle for Ordered {
    fn name(&self) -> &'static str {
        "ordered"
    }

    fn promise(&self) -> &'static str {
        "an actor handles one event after the other, and each message once"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let actors = run.evidence::<Actors>();
        let mut by_actor: IndexMap<(&str, u32, &str), Past<'_>> = IndexMap::new();
        for handled in &actors.handled {
            first.judges();
            let actor = (&*handled.node, handled.process, &*handled.actor);
            let Some(what) = by_actor.entry(actor).or_default().step(handled) else {
                continue;
            };
            let violation = || Violation {
                from: handled.node.to_string(),
                to: handled.actor.to_string(),
                ..run.of_world(None, handled.moment.at, what)
            };
            first.offer(handled.moment, violation);
        }
        first.result()
    }
}

/// What one actor has handled in one process.
#[derive(Default)]
struct Past<'a> {
    last: Option<&'a Handled>,
    /// The number of messages with an id.
    messages: usize,
    /// By id: the count of messages then, and the event.
    by_message: IndexMap<&'a str, (usize, &'a Handled)>,
}

impl<'a> Past<'a> {
    /// Adds an event. Returns the violation, if any.
    fn step(&mut self, handled: &'a Handled) -> Option<String> {
        let last = self.last.replace(handled);
        let (life, number) = (handled.incarnation, handled.number);
        let wanted = match last {
            Some(last) if last.incarnation > life => {
                let later = last.incarnation;
                return Some(format!(
                    "event {number} of life {life} came after life {later} had begun"
                ));
            }
            Some(last) if last.incarnation == life => last.number + 1,
            _ => 1,
        };
        if number != wanted {
            return Some(format!(
                "event {number} of life {life} came when {wanted} was next"
            ));
        }
        if handled.message.is_empty() {
            return None;
        }
        self.messages += 1;
        let (count, before) = self
            .by_message
            .insert(&handled.message, (self.messages, handled))?;
        (self.messages - count <= REMEMBERED_LIMIT).then(|| {
            format!(
                "event {number} of life {life} is the same message as event {} of life {}",
                before.number, before.incarnation
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ClusterEvent;
    use crate::testing::{MS, OfNodes, S, Script, assert_holds, broken, find, message};

    fn script() -> Script {
        let mut script = Script::of_nodes();
        for call in 1..6 {
            script.at(call * S).delivered(call, (1, call), "handled");
        }
        script
    }

    /// Changes the event of a call.
    fn change(
        script: Script,
        call: u64,
        to: impl FnOnce(&mut u64, &mut u64, &mut std::sync::Arc<str>),
    ) -> String {
        let violation = broken(&Ordered, script, |entries| {
            let place = find(
                entries,
                |event| matches!(event.get(), Some(ClusterEvent::ActorHandled { message: id, .. }) if **id == *message(call)),
            );
            let Some(ClusterEvent::ActorHandled {
                incarnation,
                number,
                message,
                ..
            }) = entries[place].event.get_mut()
            else {
                panic!("an event")
            };
            to(incarnation, number, message);
        });
        violation.what
    }

    #[test]
    fn a_gap_and_a_place_that_is_taken_twice_are_found() {
        let what = change(script(), 3, |_, number, _| *number = 4);
        assert_eq!(what, "event 4 of life 1 came when 3 was next");
        let what = change(script(), 3, |_, number, _| *number = 2);
        assert_eq!(what, "event 2 of life 1 came when 3 was next");
    }

    #[test]
    fn a_message_that_is_handled_twice_is_found_also_in_another_life() {
        let what = change(script(), 4, |_, _, id| *id = message(2).into());
        assert_eq!(what, "event 4 of life 1 is the same message as event 2 of life 1");
        let mut script = Script::of_nodes();
        script.at(S).delivered(1, (1, 1), "failed");
        script.at(2 * S).delivered(2, (2, 1), "handled");
        let what = change(script, 2, |_, _, id| *id = message(1).into());
        assert_eq!(what, "event 1 of life 2 is the same message as event 1 of life 1");
    }

    #[test]
    fn a_life_that_goes_on_after_the_next_has_begun_is_found() {
        let mut script = script();
        script.at(6 * S).delivered(6, (2, 1), "handled");
        script.at(7 * S).delivered(7, (2, 2), "handled");
        let what = change(script, 7, |life, number, _| (*life, *number) = (1, 6));
        assert_eq!(what, "event 6 of life 1 came after life 2 had begun");
    }

    #[test]
    fn a_new_process_remembers_nothing() {
        let mut script = script();
        script.at(10 * S).restarted("node-b", 1);
        script.at(11 * S).handled(MS, 5, (1, 1), "handled");
        assert_holds(&Ordered, script);
    }
}
