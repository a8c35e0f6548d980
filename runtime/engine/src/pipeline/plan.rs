//! A checked program: its calls and their arguments.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use squall_value::{CType, CValue, Fields};

use crate::ModuleSpec;

/// A program that was checked against the modules of an engine. It can be run any number of times, also in parallel.
#[derive(Debug, Clone)]
pub struct Checked {
    pub(super) inputs: Arc<Fields<CType>>,
    /// Each depends only on earlier steps.
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<(Arc<str>, Operand)>,
    pub(super) output_types: Arc<Fields<CType>>,
}

impl Checked {
    /// Its inputs.
    pub fn inputs(&self) -> &Arc<Fields<CType>> {
        &self.inputs
    }

    /// Its outputs.
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
    /// The module's specification when the program was checked.
    pub(super) spec: Arc<ModuleSpec>,
    pub(super) arguments: Vec<(Arc<str>, Operand)>,
    /// The steps whose outputs are used in the arguments.
    pub(super) needs: BTreeSet<usize>,
}

/// Identifies a call of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName {
    /// The variable or the output whose value contains the call.
    pub name: Arc<str>,
    /// The line of the call, from 1.
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

/// A value that is available at this point of a run.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) base: Source,
    /// Nested fields, from the outside in.
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
