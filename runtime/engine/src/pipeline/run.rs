//! Runs a checked program.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use squall_value::CValue;
use tokio::time::{Instant, sleep_until};

use super::plan::{Checked, Operand, Source, Step};
use super::print::Written;
use super::room::Left;
use super::{InputError, Room, RunError, StepError, StepName};
use crate::{Call, Engine, ModuleSpec, names};

/// The options of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// The time limit of the whole run. Without one, each call has the engine's limit, and the run takes as long as
    /// its longest chain of calls.
    pub timeout: Option<Duration>,
    /// Metadata of every call.
    pub metadata: BTreeMap<String, String>,
    /// The memory limit for the values of the run at any time, in bytes as [`CValue::size_within`] counts them: its
    /// inputs, the outputs of its steps, and the arguments of calls in flight. 64 MiB by default. Nothing waits for
    /// memory: exceeding the limit ends the run.
    pub values_bytes_max: usize,
    /// The memory limit for its outputs, counted likewise. 16 MiB by default.
    pub outputs_bytes_max: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            timeout: None,
            metadata: BTreeMap::new(),
            values_bytes_max: 64 * 1024 * 1024,
            outputs_bytes_max: 16 * 1024 * 1024,
        }
    }
}

impl Checked {
    /// Runs the program, and returns its outputs by name.
    ///
    /// A step is called as soon as all steps that it depends on have answered, so independent steps run in parallel,
    /// without a limit. They are futures of this one, polled in the order in which they woke: nothing is spawned, and
    /// dropping this future cancels all calls in flight.
    ///
    /// The first step that fails ends the run: no further step is called, and calls in flight are cancelled, as they
    /// are at the timeout. Spec: provider section 6, point 12.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(
        &self,
        engine: &dyn Engine,
        inputs: BTreeMap<Arc<str>, CValue>,
        options: &RunOptions,
    ) -> Result<BTreeMap<Arc<str>, CValue>, RunError> {
        let limit = options.values_bytes_max;
        let mut room = Left::of(limit);
        let at = Room::Inputs;
        room.take_all(&inputs).ok_or(RunError::Values { at, limit })?;
        let inputs = self.conformed_inputs(inputs)?;
        // A deadline that cannot be represented is none.
        let deadline = options
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let mut run = Run::new(self, engine, inputs, room, deadline, options);
        let expired = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        // The clock is checked first: a call that times out together with the run is less informative.
        tokio::select! {
            biased;
            () = expired => Err(RunError::Timeout {
                after: options.timeout.unwrap_or_default(),
                waiting: run.waiting(),
            }),
            outputs = run.outputs() => outputs,
        }
    }

    fn conformed_inputs(
        &self,
        mut given: BTreeMap<Arc<str>, CValue>,
    ) -> Result<BTreeMap<Arc<str>, CValue>, RunError> {
        let mut errors = Vec::new();
        let mut inputs = BTreeMap::new();
        for (name, declared) in self.inputs.iter() {
            let name = name.clone();
            match given.remove(&name).map(|value| value.conformed(declared)) {
                None => errors.push(InputError::Missing {
                    name,
                    ctype: Written(declared).brief(),
                }),
                Some(Err(mismatch)) => errors.push(InputError::Type {
                    name,
                    why: mismatch.to_string(),
                }),
                Some(Ok(value)) => drop(inputs.insert(name, value)),
            }
        }
        errors.extend(given.into_keys().map(|name| InputError::Unknown {
            nearest: names::nearest(&name, self.inputs.keys().map(|name| &**name)).map(Arc::from),
            name,
        }));
        match errors.is_empty() {
            true => Ok(inputs),
            false => Err(RunError::Inputs(errors)),
        }
    }
}

/// The progress of a run.
struct Run<'a> {
    plan: &'a Checked,
    engine: &'a dyn Engine,
    options: &'a RunOptions,
    deadline: Option<Instant>,
    inputs: BTreeMap<Arc<str>, CValue>,
    /// The budget for further values.
    room: Left,
    /// The output of each finished step.
    values: Vec<Option<CValue>>,
    /// The number of missing dependencies of each step.
    unmet: Vec<usize>,
    /// The steps that depend on each step.
    dependents: Vec<Vec<usize>>,
    /// The steps in flight.
    called: BTreeSet<usize>,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Checked,
        engine: &'a dyn Engine,
        inputs: BTreeMap<Arc<str>, CValue>,
        room: Left,
        deadline: Option<Instant>,
        options: &'a RunOptions,
    ) -> Self {
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for needed in &step.needs {
                dependents[*needed].push(index);
            }
        }
        Run {
            plan,
            engine,
            options,
            deadline,
            inputs,
            room,
            values: vec![None; plan.steps.len()],
            unmet: plan.steps.iter().map(|step| step.needs.len()).collect(),
            dependents,
            called: BTreeSet::new(),
        }
    }

    async fn outputs(&mut self) -> Result<BTreeMap<Arc<str>, CValue>, RunError> {
        let mut calls = FuturesUnordered::new();
        let mut ready: Vec<usize> = (0..self.unmet.len())
            .filter(|index| self.unmet[*index] == 0)
            .collect();
        loop {
            for index in ready.drain(..) {
                let taken = self.make_room(index)?;
                let call = self.call(index)?;
                self.called.insert(index);
                let (engine, step) = (self.engine, &self.plan.steps[index]);
                calls.push(async move { (index, taken, answer(engine, step, call).await) });
            }
            let Some((index, taken, answer)) = calls.next().await else {
                break;
            };
            self.called.remove(&index);
            let step = || self.plan.steps[index].name.clone();
            let answer = answer.map_err(|cause| RunError::Step { step: step(), cause })?;
            self.room.give(taken);
            if self.room.take(&answer).is_none() {
                return Err(self.no_room(Room::Answer(step())));
            }
            self.values[index] = Some(answer);
            for dependent in std::mem::take(&mut self.dependents[index]) {
                self.unmet[dependent] -= 1;
                if self.unmet[dependent] == 0 {
                    ready.push(dependent);
                }
            }
        }
        let limit = self.options.outputs_bytes_max;
        let mut room = Left::of(limit);
        let outputs = self.plan.outputs.iter().map(|(name, operand)| {
            let value = self.value(operand)?;
            let name = name.clone();
            match room.take(value) {
                Some(_) => Ok((name, value.clone())),
                None => Err(RunError::Outputs { name, limit }),
            }
        });
        outputs.collect()
    }

    /// Reserves memory for the arguments of a step, and returns their size.
    fn make_room(&mut self, index: usize) -> Result<usize, RunError> {
        let step = &self.plan.steps[index];
        let mut room = self.room;
        let mut all = 0;
        for (_, operand) in &step.arguments {
            let taken = room.take(self.value(operand)?);
            all += taken.ok_or_else(|| self.no_room(Room::Arguments(step.name.clone())))?;
        }
        self.room = room;
        Ok(all)
    }

    fn no_room(&self, at: Room) -> RunError {
        let limit = self.options.values_bytes_max;
        RunError::Values { at, limit }
    }

    fn call(&self, index: usize) -> Result<Call, RunError> {
        let Step { spec, arguments, .. } = &self.plan.steps[index];
        let value = arguments
            .iter()
            .map(|(input, operand)| Ok((input.clone(), self.value(operand)?.clone())))
            .collect::<Result<_, _>>()?;
        let structure = spec.inputs.clone();
        Ok(Call {
            module: spec.name.clone(),
            input: CValue::Product { value, structure },
            timeout: self
                .deadline
                .map(|deadline| deadline.duration_since(Instant::now())),
            metadata: self.options.metadata.clone(),
        })
    }

    /// Must be cloned, because other steps may need the same value.
    fn value<'b>(&'b self, operand: &'b Operand) -> Result<&'b CValue, RunError> {
        let mut value = match &operand.base {
            Source::Literal(value) => value,
            Source::Input(name) => self.inputs.get(name).expect("inputs were checked to be there"),
            Source::Step(index) => {
                let value = self.values[*index].as_ref();
                value.expect("nothing is read of a step that has not answered")
            }
        };
        for field in &operand.path {
            let missing = || RunError::Field { field: field.clone() };
            value = value.field(field).ok_or_else(missing)?;
        }
        Ok(value)
    }

    fn waiting(&self) -> Vec<StepName> {
        let steps = self.called.iter().map(|index| &self.plan.steps[*index]);
        steps.map(|step| step.name.clone()).collect()
    }
}

/// Modules come and go, so the module is checked again before the call, and its output after it.
async fn answer(engine: &dyn Engine, step: &Step, call: Call) -> Result<CValue, StepError> {
    let spec = engine.module(&call.module).ok_or(StepError::Gone)?;
    if !same_types(&spec, &step.spec) {
        return Err(StepError::Changed);
    }
    let output = engine.call(call).await.map_err(StepError::Call)?;
    match output.check(&step.spec.output) {
        Ok(()) => Ok(output),
        Err(mismatch) => Err(StepError::Output(mismatch.to_string())),
    }
}

fn same_types(now: &Arc<ModuleSpec>, checked: &Arc<ModuleSpec>) -> bool {
    Arc::ptr_eq(now, checked) || (now.inputs == checked.inputs && now.output == checked.output)
}
