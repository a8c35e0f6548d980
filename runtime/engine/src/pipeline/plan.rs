//! A program whose names and types are known: what is called with what.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use squall_value::{CType, CValue, Fields};

use crate::ModuleSpec;

/// A program that was checked against the modules of an engine, and can be run any number of times, also at once.
#[derive(Debug, Clone)]
pub struct Checked {
    pub(super) inputs: Arc<Fields<CType>>,
    /// Each needs only steps that stand before it.
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<(Arc<str>, Operand)>,
    pub(super) output_types: Arc<Fields<CType>>,
}

impl Checked {
    /// What it takes.
    pub fn inputs(&self) -> &Arc<Fields<CType>> {
        &self.inputs
    }

    /// What it gives.
    pub fn outputs(&self) -> &Arc<Fields<CType>> {
        &self.output_types
    }

    /// The calls that it makes, in an order in which they could be made one by one.
    pub fn steps(&self) -> impl Iterator<Item = &StepName> {
        self.steps.iter().map(|step| &step.name)
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: StepName,
    /// The module as it was when the program was checked.
    pub(super) spec: Arc<ModuleSpec>,
    pub(super) arguments: Vec<(Arc<str>, Operand)>,
    /// Steps whose outputs are among the arguments.
    pub(super) needs: BTreeSet<usize>,
}

/// Which call of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName {
    /// The variable or the output whose value it is, or is a part of.
    pub name: Arc<str>,
    /// Where the call stands, from 1.
    pub line: usize,
    /// The qualified name of the module.
    pub module: Arc<str>,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepName { name, line, module } = self;
        write!(f, "step '{name}' on line {line}, a call of {module}")
    }
}

/// A value that is known when a run has come so far.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) base: Source,
    /// Fields, one of the other.
    pub(super) path: Vec<Arc<str>>,
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    Literal(CValue),
    Input(Arc<str>),
    Step(usize),
}

impl From<Source> for Operand {
    fn from(base: Source) -> Self {
        let path = Vec::new();
        Operand { base, path }
    }
}
