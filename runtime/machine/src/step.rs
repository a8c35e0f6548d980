//! One macrostep: an event, and all that follows from it before the next one.
//!
//! ```text
//! event -> select -> take -> raised events, first in first out -> enabled eventless transitions -> stable
//!                      |
//!      leave states, cancel timers -> actions, assigns -> enter states, arm timers -> completed states -> raise
//! ```
//!
//! A step changes nothing but itself: the instance takes its results over when all of it went well.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Problem;
use crate::event::{Context, Event};
use crate::instance::Effect;
use crate::machine::{Action, Assign, Edge, Guard, Inner, Named, Trigger};
use crate::timers::TimerChange;
use crate::trace::{Outcome, Trace};

/// How many raised events and eventless transitions one event may cause.
pub const MICROSTEPS_MAX: usize = 10_000;

pub(crate) struct Step<'a, C, E> {
    machine: &'a Inner<C, E>,
    context: &'a C,
    /// The context, once an assign has changed it.
    pub(crate) changed: Option<C>,
    pub(crate) leaf: usize,
    /// The compound states that were left, each with its active child and leaf.
    pub(crate) left: Vec<(usize, usize, usize)>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) timers: Vec<TimerChange<E>>,
    pub(crate) trace: Trace,
    raised: VecDeque<E>,
}

/// What an event selects.
enum Selected {
    Ignored { at: usize },
    Edge { at: usize, index: usize },
}

impl<'a, C: Context, E: Event> Step<'a, C, E> {
    pub(crate) fn new(machine: &'a Inner<C, E>, context: &'a C, leaf: usize, trace: Trace) -> Self {
        Step {
            machine,
            context,
            changed: None,
            leaf,
            left: vec![],
            effects: vec![],
            timers: vec![],
            trace,
            raised: VecDeque::new(),
        }
    }

    /// Enters the initial states of an instance.
    pub(crate) fn begin(&mut self) -> Result<(), Problem> {
        let entries = self.machine.entries(self.leaf, None);
        self.enter(&entries, None)?;
        self.complete(None)
    }

    /// The whole macrostep of an event.
    pub(crate) fn run(&mut self, event: &E) -> Result<(), Problem> {
        self.fire(event, true)?;
        for _ in 0..MICROSTEPS_MAX {
            if let Some(raised) = self.raised.pop_front() {
                self.trace.microsteps.push(raised.name().into_owned());
                match self.fire(&raised, false) {
                    Err(problem) if !problem.is_rejection() => return Err(problem),
                    // An event that a machine sends itself may have no transition.
                    _ => {}
                }
            } else if let Some((at, index)) = self.eventless(event)? {
                self.trace.microsteps.push("always".to_owned());
                self.take(at, index, event)?;
            } else {
                return Ok(());
            }
        }
        // The last microstep may have been the one that came to an end.
        if self.raised.is_empty() && self.eventless(event)?.is_none() {
            return Ok(());
        }
        Err(Problem::Endless {
            max: MICROSTEPS_MAX,
            state: self.name(self.leaf).to_owned(),
        })
    }

    fn name(&self, state: usize) -> &'a str {
        &self.machine.nodes[state].name
    }

    fn context(&self) -> &C {
        self.changed.as_ref().unwrap_or(self.context)
    }

    fn fire(&mut self, event: &E, is_first: bool) -> Result<(), Problem> {
        let (at, index) = match self.select(event)? {
            Selected::Edge { at, index } => (at, Some(index)),
            Selected::Ignored { at } => (at, None),
        };
        if is_first {
            self.name(at).clone_into(&mut self.trace.matched_at);
            self.trace.outcome = Outcome::Success;
        }
        match index {
            Some(index) => self.take(at, index, event),
            None => {
                let microstep = format!("forbidden.{}@{}", event.name(), self.name(at));
                self.trace.microsteps.push(microstep);
                Ok(())
            }
        }
    }

    /// The transition for an event: of the innermost state that has an enabled one; in a state, those for the event
    /// itself come first.
    fn select(&mut self, event: &E) -> Result<Selected, Problem> {
        let machine = self.machine;
        let name = event.name();
        if machine.nodes[self.leaf].is_final {
            return Err(Problem::Final {
                state: self.name(self.leaf).to_owned(),
                event: name.into_owned(),
            });
        }
        let mut failed = None;
        for at in machine.chain(self.leaf) {
            let edges = &machine.nodes[at].edges;
            let is_forbidden = |edge: &Edge<C, E>| match edge.trigger {
                Trigger::ForbiddenAny => true,
                Trigger::Forbidden => edge.on == name,
                _ => false,
            };
            if edges.iter().any(is_forbidden) {
                return Ok(Selected::Ignored { at });
            }
            let exact = |edge: &Edge<C, E>| edge.trigger == Trigger::Event && edge.on == name;
            let any = |edge: &Edge<C, E>| edge.trigger == Trigger::AnyEvent;
            let numbered = || edges.iter().enumerate();
            let candidates = numbered()
                .filter(|(_, edge)| exact(edge))
                .chain(numbered().filter(|(_, edge)| any(edge)));
            for (index, edge) in candidates {
                match self.holds(edge, Some(event), true)? {
                    None => return Ok(Selected::Edge { at, index }),
                    Some(guard) => failed = Some(guard),
                }
            }
        }
        let (state, event) = (self.name(self.leaf).to_owned(), name.into_owned());
        Err(match failed {
            Some(guard) => Problem::GuardFailed { guard, state, event },
            None => Problem::NoTransition { state, event },
        })
    }

    /// The first enabled eventless transition, innermost first. Traces do not have its guards.
    fn eventless(&mut self, event: &E) -> Result<Option<(usize, usize)>, Problem> {
        let machine = self.machine;
        for at in machine.chain(self.leaf) {
            for (index, edge) in machine.nodes[at].edges.iter().enumerate() {
                if edge.trigger == Trigger::NoEvent && self.holds(edge, Some(event), false)?.is_none() {
                    return Ok(Some((at, index)));
                }
            }
        }
        Ok(None)
    }

    /// The first guard of a transition that does not hold.
    fn holds(
        &mut self,
        edge: &Edge<C, E>,
        event: Option<&E>,
        is_traced: bool,
    ) -> Result<Option<String>, Problem> {
        for guard in &edge.guards {
            if is_traced {
                self.trace.guards_evaluated.push(guard.name.clone());
            }
            if !self.ask(guard, event)? {
                return Ok(Some(guard.name.clone()));
            }
        }
        Ok(None)
    }

    fn ask(&self, guard: &Named<Guard<C, E>>, event: Option<&E>) -> Result<bool, Problem> {
        let context = self.context();
        catch_unwind(AssertUnwindSafe(|| (guard.run)(context, event))).map_err(|panic| {
            Problem::GuardPanicked {
                guard: guard.name.clone(),
                message: message(&*panic),
            }
        })
    }

    /// Takes a transition of the state `at`.
    fn take(&mut self, at: usize, index: usize, event: &E) -> Result<(), Problem> {
        let machine = self.machine;
        let edge = &machine.nodes[at].edges[index];
        let event = Some(event);
        // A way to the active state itself, or to one around it, changes nothing by default.
        let stays = |target| !edge.reenter && machine.chain(self.leaf).any(|state| state == target);
        match edge.to {
            Some(target) if !edge.internal && !stays(target) => {
                let (exits, entries) = machine.cascade(self.leaf, target);
                self.leave(&exits, event)?;
                self.leaf = machine.leaf_of(target);
                self.act(&edge.actions, event)?;
                self.assign(&edge.assigns, event)?;
                self.enter(&entries, event)?;
                self.complete(event)?;
            }
            _ => {
                self.act(&edge.actions, event)?;
                self.assign(&edge.assigns, event)?;
            }
        }
        for raised in &edge.raise {
            self.trace.microsteps.push(format!("raise.{}", raised.name()));
            self.raised.push_back(raised.clone());
        }
        Ok(())
    }

    fn leave(&mut self, exits: &[usize], event: Option<&E>) -> Result<(), Problem> {
        let machine = self.machine;
        for pair in exits.windows(2) {
            self.left.push((pair[1], pair[0], self.leaf));
        }
        for state in exits {
            let node = &machine.nodes[*state];
            self.trace.exited_states.push(node.name.clone());
            self.act(&node.on_exit, event)?;
            self.assign(&node.exit_assigns, event)?;
        }
        for timer in exits.iter().flat_map(|state| &machine.nodes[*state].timers) {
            self.trace.microsteps.push(format!("cancel.{}", timer.id));
            self.timers.push(TimerChange::Cancel { id: timer.id.clone() });
        }
        Ok(())
    }

    fn enter(&mut self, entries: &[usize], event: Option<&E>) -> Result<(), Problem> {
        let machine = self.machine;
        for state in entries {
            let node = &machine.nodes[*state];
            self.trace.entered_states.push(node.name.clone());
            self.act(&node.on_entry, event)?;
            self.assign(&node.entry_assigns, event)?;
        }
        for timer in entries.iter().flat_map(|state| &machine.nodes[*state].timers) {
            self.trace.microsteps.push(format!("schedule.{}", timer.id));
            self.timers.push(TimerChange::Schedule {
                id: timer.id.clone(),
                delay: timer.delay,
                event: timer.event.clone(),
            });
        }
        Ok(())
    }

    /// A final leaf completes all states around it.
    fn complete(&mut self, event: Option<&E>) -> Result<(), Problem> {
        let machine = self.machine;
        if !machine.nodes[self.leaf].is_final {
            return Ok(());
        }
        let chain: Vec<usize> = machine.chain(self.leaf).collect();
        for pair in chain.windows(2) {
            self.trace.microsteps.push(format!("done.{}", self.name(pair[0])));
            self.act(&machine.nodes[pair[1]].on_done, event)?;
        }
        Ok(())
    }

    fn act(&mut self, actions: &[Named<Action<C, E>>], event: Option<&E>) -> Result<(), Problem> {
        for action in actions {
            let context = self.context();
            let result = catch_unwind(AssertUnwindSafe(|| (action.run)(context, event)));
            let result = match result {
                Ok(Ok(effect)) => Ok(effect),
                Ok(Err(error)) => Err(error.to_string()),
                Err(panic) => Err(message(&*panic)),
            };
            let effect = result.map_err(|message| {
                self.trace.effects_emitted.push(action.name.clone());
                Problem::ActionFailed {
                    action: action.name.clone(),
                    message,
                }
            })?;
            // The Go implementation writes the type of a value here, and this for none.
            let kind = effect.as_ref().map_or("<nil>", |effect| &effect.kind);
            self.trace.effects_emitted.push(format!("{}:{kind}", action.name));
            self.effects.extend(effect.map(|effect| Effect {
                action: action.name.clone(),
                ..effect
            }));
        }
        Ok(())
    }

    fn assign(&mut self, assigns: &[Named<Assign<C, E>>], event: Option<&E>) -> Result<(), Problem> {
        for assign in assigns {
            let context = self.changed.get_or_insert_with(|| self.context.clone());
            catch_unwind(AssertUnwindSafe(|| (assign.run)(context, event))).map_err(|panic| {
                Problem::AssignFailed {
                    assign: assign.name.clone(),
                    message: message(&*panic),
                }
            })?;
            self.trace.assigns_applied.push(assign.name.clone());
        }
        Ok(())
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
