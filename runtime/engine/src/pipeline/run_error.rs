//! Why a run has no outputs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StepName;
use crate::{CallError, Code, Outcome};

/// Why a run of a pipeline ended without outputs. Modules may have been called before: what they did is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The inputs are not those that the program declares. Nothing was called.
    #[error("{}", joined(.0))]
    Inputs(Vec<InputError>),
    /// A step has no value.
    #[error("{step}: {cause}")]
    Step {
        /// Which one.
        step: StepName,
        /// Why.
        #[source]
        cause: StepError,
    },
    /// The run took too long.
    #[error("the run took longer than {after:?}{}", waiting_for(.waiting))]
    Timeout {
        /// How long it could have taken.
        after: Duration,
        /// The calls that had no answer then; they may have happened.
        waiting: Vec<StepName>,
    },
    /// A value that was checked lacks a field that its type has.
    #[error("there is no field '{field}' where its type says that there is one")]
    Field {
        /// Which one.
        field: Arc<str>,
    },
    /// The values of the run took more room than [`RunOptions::values_bytes_max`](super::RunOptions::values_bytes_max).
    #[error(
        "the values of the run take more than {limit} bytes, {at}: a value counts once where it is kept, and once in each call that it is given to"
    )]
    Values {
        /// Where the run was.
        at: Room,
        /// The limit.
        limit: usize,
    },
    /// The outputs take more room than [`RunOptions::outputs_bytes_max`](super::RunOptions::outputs_bytes_max).
    #[error(
        "the outputs take more than {limit} bytes, with output '{name}': give back less, or run the program in parts"
    )]
    Outputs {
        /// The first for which there was no room.
        name: Arc<str>,
        /// The limit.
        limit: usize,
    },
}

/// What there was no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// The inputs of the run. Nothing was called.
    Inputs,
    /// The arguments of this step, which was not called.
    Arguments(StepName),
    /// The answer of this step.
    Answer(StepName),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Room::Inputs => f.write_str("with its inputs alone"),
            Room::Arguments(step) => write!(f, "with the arguments of {step}"),
            Room::Answer(step) => write!(f, "with the answer of {step}"),
        }
    }
}

impl RunError {
    /// What kind of trouble.
    pub fn code(&self) -> Code {
        match self {
            RunError::Inputs(_) => Code::TypeError,
            RunError::Step { cause, .. } => cause.code(),
            RunError::Timeout { .. } => Code::Timeout,
            RunError::Field { .. } => Code::Protocol,
            RunError::Values { .. } | RunError::Outputs { .. } => Code::TooLarge,
        }
    }

    /// Whether anything may have happened: of what a run has called, nothing is taken back.
    pub fn outcome(&self) -> Outcome {
        match self {
            RunError::Inputs(_) | RunError::Values { at: Room::Inputs, .. } => Outcome::Failed,
            _ => Outcome::Unknown,
        }
    }

    /// Whether it is the fault of who started the run, with its inputs.
    pub fn is_callers(&self) -> bool {
        matches!(self, RunError::Inputs(_))
    }
}

/// What is wrong with one input of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is declared, and was not given.
    #[error("input '{name}' is missing, of type {ctype}")]
    Missing {
        /// Which one.
        name: Arc<str>,
        /// Its type, as it is written in programs.
        ctype: Arc<str>,
    },
    /// It was given, and is not declared.
    #[error("there is no input '{name}'{}", .nearest.as_ref().map(|name| format!(": did you mean '{name}'?")).unwrap_or_default())]
    Unknown {
        /// What was given.
        name: Arc<str>,
        /// What was probably meant.
        nearest: Option<Arc<str>>,
    },
    /// It is not of the declared type.
    #[error("input '{name}' is not as declared: {why}")]
    Type {
        /// Which one.
        name: Arc<str>,
        /// What does not fit.
        why: String,
    },
}

/// Why a step has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The module was there when the program was checked. It was not called.
    #[error("the module is gone since the program was checked")]
    Gone,
    /// The module has other inputs or another output than when the program was checked. It was not called.
    #[error("the module has other types since the program was checked: check it again")]
    Changed,
    /// The call failed.
    #[error(transparent)]
    Call(CallError),
    /// The module answered, but not with a value of the type that it had when the program was checked.
    #[error("the output is not as declared: {0}")]
    Output(String),
}

impl StepError {
    /// What kind of trouble.
    pub fn code(&self) -> Code {
        match self {
            StepError::Gone => Code::ModuleNotFound,
            StepError::Changed | StepError::Output(_) => Code::TypeError,
            StepError::Call(error) => error.code,
        }
    }
}

fn joined(errors: &[impl fmt::Display]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}

fn waiting_for(steps: &[StepName]) -> String {
    match steps {
        [] => String::new(),
        steps => format!(", waiting for {}", joined(steps)),
    }
}
