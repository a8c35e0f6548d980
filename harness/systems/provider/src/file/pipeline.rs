//! A workload's program, checked against the modules that its managers may call.

use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::targets::Calls;
use squall_core::plan::Topology;
use squall_engine::pipeline::{Errors, Pipeline};
use squall_engine::{CallError, Code, Engine, LocalEngine, ModuleSpec, module_fn};

use super::targets::{input, known};
use crate::plan::ProviderModule;
use crate::targets::PipelineRun;

pub(super) fn resolve(
    program: &At<String>,
    calls: &Calls<'_>,
    managers: &[String],
    problems: &mut Problems,
) -> Option<PipelineRun> {
    let pipeline = match Pipeline::parse(program.value.as_str()) {
        Ok(pipeline) => pipeline,
        Err(errors) => return wrong(program, &errors, problems),
    };
    let mut inputs = None;
    for manager in managers {
        match pipeline.check(&engine(manager, calls.topology)) {
            Ok(checked) => inputs = Some(checked.inputs().clone()),
            Err(errors) => return wrong(program, &errors, problems),
        }
    }
    Some(PipelineRun {
        input: input(calls, &inputs?, problems)?,
        program: pipeline,
    })
}

/// All modules that a manager may call, with names and types only.
fn engine(manager: &str, topology: &Topology) -> LocalEngine {
    let engine = LocalEngine::new();
    for name in known(&[manager.to_owned()], topology) {
        let Some(module) = ProviderModule::called(topology, manager, &name).next() else {
            continue;
        };
        let spec = ModuleSpec::new(name.as_str(), &module.input, module.output.clone());
        let never = CallError::failed(Code::ModuleNotFound, "nothing is called while a file is loaded");
        // Names were checked with the topology.
        drop(engine.set_module(module_fn(spec, move |_| std::future::ready(Err(never.clone())))));
    }
    engine
}

/// The position of a mistake within the program's text: in TOML a text may begin on any line.
fn wrong<T>(program: &At<String>, errors: &Errors, problems: &mut Problems) -> Option<T> {
    for problem in errors.problems() {
        let place = errors.place(problem);
        let (line, column) = (place.line, place.column);
        let label = format!("at line {line}, column {column} of the program");
        let mistake =
            Problem::new(format!("the pipeline cannot be run: {}", problem.mistake)).at(&program.span, label);
        problems.add(match problem.mistake.help() {
            Some(help) => mistake.help(help),
            None => mistake,
        });
    }
    None
}
