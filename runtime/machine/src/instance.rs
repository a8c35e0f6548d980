//! A running instance of a machine.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::codec::CodecError;
use crate::error::{CastError, FireError};
use crate::event::{Context, Event};
use crate::machine::Machine;
use crate::step::Step;
use crate::timers::TimerChange;
use crate::trace::Trace;

/// Something that an action wants done. A machine does nothing itself: whoever fires events does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The action. Filled in by the machine.
    pub action: String,
    /// What is to be done.
    pub kind: String,
    /// With what.
    pub payload: Value,
}

impl Effect {
    /// An effect without data.
    pub fn new(kind: impl Into<String>) -> Self {
        Effect {
            action: String::new(),
            kind: kind.into(),
            payload: Value::Null,
        }
    }

    /// An effect with data.
    ///
    /// # Errors
    /// When the data has no JSON.
    pub fn with(kind: impl Into<String>, payload: &impl Serialize) -> Result<Self, CodecError> {
        Ok(Effect {
            payload: serde_json::to_value(payload)?,
            ..Effect::new(kind)
        })
    }
}

/// How many traces of its steps an instance keeps. They are part of its snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retain {
    /// None.
    #[default]
    Nothing,
    /// The last ones, so many.
    Last(usize),
    /// All. Snapshots grow with each step.
    All,
}

/// An instance that has begun.
#[derive(Debug)]
pub struct Cast<C, E> {
    /// It.
    pub instance: Instance<C, E>,
    /// The effects of entering its first states.
    pub effects: Vec<Effect>,
    /// The timers of these states.
    pub timers: Vec<TimerChange<E>>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired<E> {
    /// The leaf that is active now.
    pub state: String,
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
    /// What became of timers, in order.
    pub timers: Vec<TimerChange<E>>,
    /// What happened.
    pub trace: Trace,
}

/// A running instance of a machine: the active state, the context, and what is kept of its past.
#[derive(Debug, Clone)]
pub struct Instance<C, E> {
    pub(crate) machine: Machine<C, E>,
    pub(crate) leaf: usize,
    pub(crate) context: C,
    pub(crate) shallow: BTreeMap<String, String>,
    pub(crate) deep: BTreeMap<String, Vec<String>>,
    pub(crate) traces: VecDeque<Trace>,
    pub(crate) retain: Retain,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
}

impl<C: Context, E: Event> Machine<C, E> {
    /// Begins an instance in the machine's initial state, without traces. Eventless transitions wait for its first
    /// event.
    ///
    /// # Errors
    /// When an action or an assign of an entered state fails.
    pub fn cast(&self, context: C) -> Result<Cast<C, E>, CastError> {
        self.cast_in(self.0.initial, context, Retain::Nothing)
    }

    /// As [`Machine::cast`], with traces.
    ///
    /// # Errors
    /// As [`Machine::cast`].
    pub fn cast_with(&self, context: C, retain: Retain) -> Result<Cast<C, E>, CastError> {
        self.cast_in(self.0.initial, context, retain)
    }

    /// Begins an instance in a state of this name.
    ///
    /// # Errors
    /// When there is no such state; and as [`Machine::cast`].
    pub fn cast_at(&self, state: &str, context: C, retain: Retain) -> Result<Cast<C, E>, CastError> {
        let state = self.0.by_name.get(state).ok_or_else(|| CastError::UnknownState {
            machine: self.name().to_owned(),
            state: state.to_owned(),
        })?;
        self.cast_in(*state, context, retain)
    }

    fn cast_in(&self, state: usize, context: C, retain: Retain) -> Result<Cast<C, E>, CastError> {
        let leaf = self.0.leaf_of(state);
        let trace = Trace::new(self.name(), "", None, "");
        let mut step = Step::new(&self.0, &context, leaf, trace);
        step.begin().map_err(|problem| CastError::Entry {
            machine: self.name().to_owned(),
            problem,
        })?;
        let (effects, timers, changed) = (step.effects, step.timers, step.changed);
        let instance = Instance {
            machine: self.clone(),
            leaf,
            context: changed.unwrap_or(context),
            shallow: BTreeMap::new(),
            deep: BTreeMap::new(),
            traces: VecDeque::new(),
            retain,
            output: None,
            error: None,
        };
        Ok(Cast {
            instance,
            effects,
            timers,
        })
    }
}

impl<C: Context, E: Event> Instance<C, E> {
    /// One macrostep: all of it happens, or nothing.
    ///
    /// # Errors
    /// When there is no transition for the event or the step fails. The instance is as it was, and has no trace of it.
    pub fn fire(&mut self, event: &E) -> Result<Fired<E>, FireError> {
        let machine = self.machine.clone();
        let inner = &*machine.0;
        let payload = serde_json::to_value(event).ok();
        let trace = Trace::new(machine.name(), &event.name(), payload, self.state());
        let mut step = Step::new(inner, &self.context, self.leaf, trace);
        if let Err(problem) = step.run(event) {
            let mut trace = Box::new(step.trace);
            trace.outcome = problem.outcome();
            return Err(FireError { problem, trace });
        }
        self.leaf = step.leaf;
        for (compound, child, leaf) in &step.left {
            let name = |state: usize| inner.nodes[state].name.clone();
            self.shallow.insert(name(*compound), name(*child));
            self.deep.insert(name(*compound), vec![name(*leaf)]);
        }
        let (effects, timers, trace) = (step.effects, step.timers, step.trace);
        if let Some(context) = step.changed {
            self.context = context;
        }
        self.keep(&trace);
        Ok(Fired {
            state: self.state().to_owned(),
            effects,
            timers,
            trace,
        })
    }

    fn keep(&mut self, trace: &Trace) {
        let max = match self.retain {
            Retain::Nothing => return,
            Retain::Last(max) => max,
            Retain::All => usize::MAX,
        };
        self.traces.push_back(trace.clone());
        while self.traces.len() > max {
            self.traces.pop_front();
        }
    }

    /// What [`Cast::timers`] of an instance in this state would be: for one that was restored without its deadlines.
    pub fn rearm(&self) -> Vec<TimerChange<E>> {
        let timers = self.active_timers();
        timers
            .map(|timer| TimerChange::Schedule {
                id: timer.id.clone(),
                delay: timer.delay,
                event: timer.event.clone(),
            })
            .collect()
    }
}

impl<C, E> Instance<C, E> {
    /// The machine.
    pub fn machine(&self) -> &Machine<C, E> {
        &self.machine
    }

    /// The active leaf.
    pub fn state(&self) -> &str {
        &self.machine.0.nodes[self.leaf].name
    }

    /// Whether a state of this name is active: the leaf, or one around it.
    pub fn is_in(&self, state: &str) -> bool {
        let inner = &self.machine.0;
        inner.chain(self.leaf).any(|it| inner.nodes[it].name == state)
    }

    /// Its data.
    pub fn context(&self) -> &C {
        &self.context
    }

    /// Whether it has reached a final state.
    pub fn is_done(&self) -> bool {
        self.machine.0.nodes[self.leaf].is_final
    }

    /// The traces that are kept, oldest first.
    pub fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.traces.iter()
    }

    /// What it ended with, for its snapshots.
    pub fn set_output(&mut self, output: Value) {
        self.output = Some(output);
    }

    /// Its owner gives it up: its snapshots say so, and why. It would still take events.
    pub fn set_failed(&mut self, message: impl Into<String>) {
        self.error = Some(message.into());
    }

    /// The timers of all active states, those of outer states first.
    pub(crate) fn active_timers(&self) -> impl Iterator<Item = &crate::machine::Timer<E>> {
        let inner = &self.machine.0;
        let mut chain: Vec<usize> = inner.chain(self.leaf).collect();
        chain.reverse();
        chain.into_iter().flat_map(|state| &inner.nodes[state].timers)
    }
}
