//! What can go wrong with machines and their steps.

use crate::codec::CodecError;
use crate::trace::{Outcome, Trace};

/// A definition that is no machine. All of these are mistakes of a program or of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No initial state was named.
    #[error("machine {machine:?} has no initial state: name one with `initial`")]
    NoInitial {
        /// The machine.
        machine: String,
    },
    /// The initial state of the machine is not declared, or is nested in another one's compound.
    #[error("machine {machine:?} begins in state {state:?}, which is not declared")]
    UnknownInitial {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
    /// Names of states are unique in a machine, however deep they are nested.
    #[error("state {state:?} is declared twice: give one of them another name")]
    DuplicateState {
        /// The state.
        state: String,
    },
    /// A state or a machine has an empty name.
    #[error("{place} has an empty name")]
    EmptyName {
        /// The state around it, or the machine.
        place: String,
    },
    /// A transition leads nowhere.
    #[error("{transition} of state {state:?} leads to state {target:?}, which is not declared")]
    UnknownTarget {
        /// The state that has the transition.
        state: String,
        /// The transition.
        transition: String,
        /// The missing state.
        target: String,
    },
    /// A compound state does not say which of its states is entered.
    #[error("state {state:?} has states within it and names none of them as initial")]
    NoInitialChild {
        /// The compound state.
        state: String,
    },
    /// The initial state of a compound state is no direct child of it.
    #[error("state {state:?} begins in state {child:?}, which is not one of the states directly within it")]
    UnknownInitialChild {
        /// The compound state.
        state: String,
        /// Its initial state.
        child: String,
    },
    /// A state that no transition leads to, and that is not initial.
    #[error("state {state:?} cannot be reached: no transition leads to it, and nothing begins in it")]
    Unreachable {
        /// The state.
        state: String,
    },
    /// A final state has transitions or states within it.
    #[error("state {state:?} is final and has {what}")]
    FinalWith {
        /// The state.
        state: String,
        /// What it must not have.
        what: &'static str,
    },
    /// A behaviour is named and not given.
    #[error("{kind} {name:?}, which state {state:?} names, is not registered")]
    Unbound {
        /// Guard, action or assign.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The state that names it.
        state: String,
    },
    /// A behaviour is given twice.
    #[error("{kind} {name:?} is registered twice")]
    DuplicateBehaviour {
        /// Guard, action or assign.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A transition says two things that exclude each other, or not enough.
    #[error("{transition} of state {state:?} {problem}")]
    Transition {
        /// The state that has it.
        state: String,
        /// The transition.
        transition: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The event of a timer, or a raised event, is none of the machine's events.
    #[error("{transition} of state {state:?} has an event that cannot be read: {error}")]
    BadEvent {
        /// The state that has it.
        state: String,
        /// The transition.
        transition: String,
        /// Why it cannot be read.
        error: CodecError,
    },
    /// What these machines do not have.
    #[error("state {state:?} has {what}, which is not supported")]
    Unsupported {
        /// The state.
        state: String,
        /// What it has.
        what: &'static str,
    },
    /// States are nested too deep.
    #[error("states are nested deeper than {max}, at state {state:?}")]
    TooDeep {
        /// The state.
        state: String,
        /// The limit.
        max: usize,
    },
}

/// An instance could not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CastError {
    /// The state to begin in is not declared.
    #[error("machine {machine:?} has no state {state:?} to begin in")]
    UnknownState {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
    /// An action or an assign of a state that is entered failed.
    #[error("machine {machine:?} could not enter its initial state: {problem}")]
    Entry {
        /// The machine.
        machine: String,
        /// What failed.
        problem: Problem,
    },
}

/// A step that failed: nothing of it remains in the instance, and its effects were dropped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct FireError {
    /// Why.
    pub problem: Problem,
    /// How far it came. The instance does not keep it.
    pub trace: Box<Trace>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no transition for the event in the active state or around it.
    #[error("state {state:?} has no transition for event {event:?}")]
    NoTransition {
        /// The active leaf.
        state: String,
        /// The event.
        event: String,
    },
    /// The instance is done: it takes no more events.
    #[error("state {state:?} is final and takes no event, not even {event:?}")]
    Final {
        /// The active leaf.
        state: String,
        /// The event.
        event: String,
    },
    /// There are transitions, and no guard of them holds.
    #[error("guard {guard:?} does not hold for event {event:?} in state {state:?}")]
    GuardFailed {
        /// The last guard that was asked.
        guard: String,
        /// The active leaf.
        state: String,
        /// The event.
        event: String,
    },
    /// A guard panicked.
    #[error("guard {guard:?} panicked: {message}")]
    GuardPanicked {
        /// The guard.
        guard: String,
        /// Its message.
        message: String,
    },
    /// An action returned an error or panicked.
    #[error("action {action:?} failed: {message}")]
    ActionFailed {
        /// The action.
        action: String,
        /// Its message.
        message: String,
    },
    /// An assign panicked.
    #[error("assign {assign:?} failed: {message}")]
    AssignFailed {
        /// The assign.
        assign: String,
        /// Its message.
        message: String,
    },
    /// Raised events and eventless transitions did not come to an end.
    #[error(
        "more than {max} steps without an end, the last one in state {state:?}: transitions go in a circle"
    )]
    Endless {
        /// The limit.
        max: usize,
        /// The active leaf at that time.
        state: String,
    },
}

impl Problem {
    /// Whether nothing was wrong but the event: it had no enabled transition. The opposite is a failure of behaviour.
    pub fn is_rejection(&self) -> bool {
        matches!(
            self,
            Problem::NoTransition { .. } | Problem::Final { .. } | Problem::GuardFailed { .. }
        )
    }

    /// The outcome in the trace.
    pub fn outcome(&self) -> Outcome {
        match self {
            Problem::NoTransition { .. } | Problem::Final { .. } | Problem::Endless { .. } => {
                Outcome::InvalidTransition
            }
            Problem::GuardFailed { .. } => Outcome::GuardFailed,
            Problem::GuardPanicked { .. } => Outcome::GuardPanic,
            Problem::ActionFailed { .. } => Outcome::EffectError,
            Problem::AssignFailed { .. } => Outcome::AssignFailed,
        }
    }
}
