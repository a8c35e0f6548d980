//! `call`: a module, from a manager. `pipeline`: a program of modules.

use std::sync::Arc;

use squall_core::file::data::{Data, Datum, TableData};
use squall_core::file::key::Key;
use squall_core::file::names::unknown;
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::targets::{Calls, TargetShape};
use squall_core::plan::Topology;
use squall_engine::ModuleSpec;
use squall_value::{CType, CValue, Fields};

use super::{ctype, pipeline};
use crate::plan::{Manager, Provider, ProviderModule};
use crate::targets::{ModuleCall, PipelineRun};

/// The input of modules and programs.
pub const INPUT: Key = Key::of::<TableData>(
    "input",
    "the inputs, of the types that the module or program declares. {} when absent",
);

const GIVEN: &str = "a module is given an `input`";

impl TargetShape for ModuleCall {
    const KEY: &'static str = "call";
    const ABOUT: &'static str = "Instead of `to`, from a manager: the module that they call, \"ns.Name\"";
    const CARRIES: &'static Key = &INPUT;
    const CARRIES_WHAT: &'static str = GIVEN;
    type Raw = String;

    fn check(call: &At<String>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self> {
        let topology = calls.topology;
        let managers = managers(calls, problems)?;
        let called = managers
            .iter()
            .map(|manager| ProviderModule::called(topology, manager, call).next());
        let Some(module) = called
            .collect::<Option<Vec<_>>>()
            .and_then(|called| called.first().copied())
        else {
            let known = known(managers, topology);
            unknown(
                "module",
                call,
                &call.span,
                known.iter().map(String::as_str),
                problems,
            );
            return None;
        };
        Some(ModuleCall {
            name: call.value.clone(),
            input: input(calls, &ModuleSpec::inputs_of(&module.input), problems)?,
        })
    }
}

impl TargetShape for PipelineRun {
    const KEY: &'static str = "pipeline";
    const ABOUT: &'static str = "Instead of `to`, from a manager: a program that calls modules";
    const CARRIES: &'static Key = &INPUT;
    const CARRIES_WHAT: &'static str = GIVEN;
    type Raw = String;

    fn check(program: &At<String>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self> {
        pipeline::resolve(program, calls, managers(calls, problems)?, problems)
    }
}

/// The source hosts, which are managers.
fn managers<'f>(calls: &Calls<'f>, problems: &mut Problems) -> Option<&'f [String]> {
    let topology = calls.topology;
    let is_manager = |host: &str| topology.all::<Manager>().contains_key(host);
    let Some(other) = calls.first_not(is_manager) else {
        return calls.from;
    };
    let problem = Problem::new(format!("`{other}` is no manager"))
        .at(calls.from_span, "calls of providers' modules start at managers")
        .help(match topology.all::<Manager>().keys().next() {
            Some(manager) => format!("name managers, as in from = \"{manager}\""),
            None => "add a [manager.*] to the topology".to_owned(),
        });
    problems.add(problem);
    None
}

/// The workload's values for these inputs.
pub(super) fn input(
    calls: &Calls<'_>,
    declared: &Arc<Fields<CType>>,
    problems: &mut Problems,
) -> Option<CValue> {
    let nothing = Data {
        datum: Datum::Table(Vec::new()),
        span: calls.span.clone(),
    };
    let data = calls.carried.get::<TableData>(INPUT.name);
    let data = data.map_or(&nothing, |input| &input.0);
    ctype::record(data, declared, problems)
}

/// The qualified names of all modules that these managers may call.
pub(super) fn known(managers: &[String], topology: &Topology) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for manager in managers {
        let own = topology
            .all::<Manager>()
            .get(manager)
            .into_iter()
            .flat_map(|manager| manager.modules.keys());
        known.extend(own.cloned());
        let providers = topology
            .all::<Provider>()
            .values()
            .filter(|provider| provider.managers.contains(manager));
        for provider in providers {
            let qualified = |name: &String| format!("{}.{name}", provider.namespace);
            known.extend(provider.modules.keys().map(qualified));
        }
    }
    known
}
