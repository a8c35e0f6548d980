//! Calls: the module, and the mapping of arguments to inputs.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_value::{CType, CValue, Fields};

use super::super::mistake::brief;
use super::super::plan::{Source, Step, StepName};
use super::super::print::{Written, separated};
use super::super::syntax::{Argument, Name};
use super::{Checker, Mistake, Typed};
use crate::ModuleSpec;

/// Up to here every whole number is exact as a Float.
const FLOAT_WHOLE_MAX: i64 = 1 << f64::MANTISSA_DIGITS;

impl Checker<'_> {
    /// The value of a call. It has the type of the module's output even when the arguments are wrong, so that
    /// mistakes in its use are also reported at once.
    pub(super) fn call(&mut self, module: &Name, arguments: &[Argument], owner: &Arc<str>) -> Option<Typed> {
        let values: Vec<Option<Typed>> = arguments
            .iter()
            .map(|argument| self.expression(&argument.value, owner))
            .collect();
        let Some(spec) = self.engine.module(&module.value) else {
            self.unknown_module(module);
            return None;
        };
        let inputs = self.inputs_of(&spec, module, arguments).unwrap_or_default();
        let mut bound = Vec::with_capacity(inputs.len());
        for ((input, argument), value) in inputs.into_iter().zip(arguments).zip(values) {
            let Some(value) = value else { continue };
            let value = self.fitting(value, &spec, &input, argument);
            bound.push((input, value.operand));
        }
        let needs = bound.iter().filter_map(|(_, operand)| match operand.base {
            Source::Step(index) => Some(index),
            Source::Input(_) | Source::Literal(_) => None,
        });
        let operand = Source::Step(self.steps.len()).into();
        let ctype = spec.output.clone();
        let name = StepName {
            name: owner.clone(),
            line: self.line(&module.span),
            module: module.value.clone(),
        };
        self.steps.push(Step {
            name,
            needs: needs.collect(),
            arguments: bound,
            spec,
        });
        Some(Typed { operand, ctype })
    }

    fn unknown_module(&mut self, module: &Name) {
        // The list of all modules is not read when it is not shown: there may be many modules, and many calls of a
        // missing one.
        let modules = match self.shows_more() {
            true => self.engine.modules(),
            false => Vec::new(),
        };
        let nearest = self.nearest(&module.value, modules.iter().map(|spec| &*spec.name));
        let name = module.value.clone();
        self.problem(Mistake::UnknownModule { name, nearest }, &module.span);
    }

    /// The input of each argument; `None` when it is unknown.
    fn inputs_of(
        &mut self,
        spec: &ModuleSpec,
        module: &Name,
        arguments: &[Argument],
    ) -> Option<Vec<Arc<str>>> {
        let named: Vec<&Name> = arguments
            .iter()
            .filter_map(|argument| argument.name.as_ref())
            .collect();
        if !named.is_empty() && named.len() < arguments.len() {
            self.problem(Mistake::MixedArguments, &module.span);
            return None;
        }
        if !self.names_are_inputs(spec, &named) {
            return None;
        }
        if arguments.len() != spec.inputs.len() {
            let mistake = Mistake::ArgumentCount {
                module: module.value.clone(),
                wanted: spec.inputs.len(),
                given: arguments.len(),
                signature: signature(spec),
            };
            self.problem(mistake, &module.span);
            return None;
        }
        Some(match named.is_empty() {
            true => spec.inputs.keys().cloned().collect(),
            false => named.into_iter().map(|name| name.value.clone()).collect(),
        })
    }

    /// Whether all names are different inputs of the module.
    fn names_are_inputs(&mut self, spec: &ModuleSpec, named: &[&Name]) -> bool {
        let before = self.problems.len();
        let mut given = BTreeSet::new();
        for name in named {
            if !spec.inputs.contains_key(&name.value) {
                let mistake = Mistake::UnknownArgument {
                    module: spec.name.clone(),
                    name: name.value.clone(),
                    nearest: self.nearest(&name.value, spec.inputs.keys().map(|name| &**name)),
                    signature: signature(spec),
                };
                self.problem(mistake, &name.span);
            } else if !given.insert(&name.value) {
                let (name, span) = (name.value.clone(), &name.span);
                self.problem(Mistake::ArgumentTwice { name }, span);
            }
        }
        self.problems.len() == before
    }

    /// The value as the input takes it. Reports a mismatch.
    fn fitting(
        &mut self,
        mut value: Typed,
        spec: &ModuleSpec,
        input: &Arc<str>,
        argument: &Argument,
    ) -> Typed {
        let Some(wanted) = spec.inputs.get(input) else {
            return value;
        };
        if value.ctype == *wanted {
            return value;
        }
        if let (Source::Literal(CValue::Int(int)), CType::Float) = (&value.operand.base, wanted)
            && int.unsigned_abs() <= FLOAT_WHOLE_MAX.unsigned_abs()
        {
            value.operand = Source::Literal(CValue::Float(*int as f64)).into();
            return value;
        }
        let mistake = Mistake::ArgumentType {
            module: spec.name.clone(),
            input: input.clone(),
            wanted: Written(wanted).brief(),
            given: Written(&value.ctype).brief(),
        };
        self.problem(mistake, &argument.value.place.span);
        value
    }
}

/// `ml.Analyze(text: String) -> { sentiment: Float }`
fn signature(spec: &ModuleSpec) -> Arc<str> {
    let mut inputs = String::new();
    let fields: &Fields<CType> = &spec.inputs;
    let written = fields
        .iter()
        .map(|(name, ctype)| format!("{name}: {}", Written(ctype)));
    separated(written, &mut inputs).expect("a String takes whatever is written");
    brief(&format!("{}({inputs}) -> {}", spec.name, Written(&spec.output)))
}
