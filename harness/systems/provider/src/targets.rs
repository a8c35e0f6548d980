//! `call`: a module, from a manager. `pipeline`: a program of modules.

use std::sync::Arc;

use squall_core::hosting::Systems;
use squall_core::journal::{Id, Outcome};
use squall_core::target::{CALL_NUMBER, Causes, Ended, Make, Making, Prepared, Request, Target};
use squall_engine::CallError;
use squall_engine::pipeline::Pipeline;
use squall_value::CValue;
use xxhash_rust::xxh3::xxh3_64;

use super::Fleet;
use super::behalf::OnBehalfOf;

/// A module of the provider protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleCall {
    /// Its qualified name. It exists.
    pub name: String,
    /// The payload of every call: a record of its declared inputs.
    pub input: CValue,
}

/// A program that calls such modules.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineRun {
    /// It can run with the topology's modules.
    pub program: Pipeline,
    /// The input of every run: a record of its declared inputs.
    pub input: CValue,
}

impl Target for ModuleCall {
    fn text(&self) -> String {
        self.name.clone()
    }

    /// A manager's own modules leave no journal entries.
    fn causes(&self) -> Causes {
        Causes::AtMostOne
    }

    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>> {
        Some(Box::new(ModuleCalls {
            name: self.name.as_str().into(),
            input: self.input.clone(),
            fleet: systems.get::<Fleet>()?.clone(),
        }))
    }
}

impl Target for PipelineRun {
    fn text(&self) -> String {
        "pipeline".to_owned()
    }

    fn causes(&self) -> Causes {
        Causes::Any
    }

    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>> {
        Some(Box::new(PipelineRuns {
            program: Arc::new(self.program.clone()),
            input: self.input.clone(),
            fleet: systems.get::<Fleet>()?.clone(),
        }))
    }
}

struct ModuleCalls {
    name: Arc<str>,
    input: CValue,
    fleet: Fleet,
}

impl Prepared for ModuleCalls {
    fn request(&self, call: u64, trace: u128) -> Request {
        let (fleet, name) = (self.fleet.clone(), self.name.clone());
        request(&self.input, call, |input| {
            Box::new(move |process, timeout| -> Making {
                Box::pin(async move {
                    let calling = fleet.call(&process, name, input, timeout);
                    ended(OnBehalfOf::new(Id(trace as u64), calling).await)
                })
            })
        })
    }
}

struct PipelineRuns {
    program: Arc<Pipeline>,
    input: CValue,
    fleet: Fleet,
}

impl Prepared for PipelineRuns {
    fn request(&self, call: u64, trace: u128) -> Request {
        let (fleet, program) = (self.fleet.clone(), self.program.clone());
        request(&self.input, call, |input| {
            Box::new(move |process, timeout| -> Making {
                Box::pin(async move {
                    let running = fleet.run(&process, &program, input, timeout);
                    ended(OnBehalfOf::new(Id(trace as u64), running).await)
                })
            })
        })
    }
}

fn request(input: &CValue, call: u64, make: impl FnOnce(CValue) -> Make) -> Request {
    let input = numbered(input, &call.to_string());
    let json = input.to_json();
    Request {
        bytes: json.len() as u64,
        digest: Id(xxh3_64(&json)),
        make: make(input),
    }
}

fn ended(result: Result<CValue, CallError>) -> Ended {
    match result {
        Ok(output) => {
            let json = output.to_json();
            Ended::ok(json.len() as u64, Id(xxh3_64(&json)))
        }
        Err(error) => {
            let outcome = match error.outcome {
                squall_engine::Outcome::Failed => Outcome::Failed,
                squall_engine::Outcome::Unknown => Outcome::Unknown,
            };
            let class = error.code.as_str().to_ascii_lowercase();
            Ended::broken(outcome, &class, &error.message)
        }
    }
}

/// Inserts the call's number into the strings of a value. Names and types have no placeholders.
fn numbered(value: &CValue, call: &str) -> CValue {
    let mut value = value.clone();
    number(&mut value, call);
    value
}

fn number(value: &mut CValue, call: &str) {
    match value {
        CValue::String(text) if text.contains(CALL_NUMBER) => *text = text.replace(CALL_NUMBER, call).into(),
        CValue::Product { value, .. } => value.values_mut().for_each(|field| number(field, call)),
        CValue::List { value, .. } => value.iter_mut().for_each(|item| number(item, call)),
        CValue::Map { value, .. } => value.iter_mut().for_each(|(key, value)| {
            number(key, call);
            number(value, call);
        }),
        CValue::Union { value, .. } | CValue::Some { value, .. } => number(value, call),
        CValue::String(_) | CValue::Int(_) | CValue::Float(_) | CValue::Boolean(_) | CValue::None { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use squall_value::CType;

    use super::*;

    #[test]
    fn the_number_of_the_call_is_in_every_string_however_deep() {
        let labels = CValue::list(CType::String, [CValue::string("{call}"), CValue::string("x")]);
        let input = CValue::product([("text", CValue::string("call {call}")), ("labels", labels)]);
        let numbered = numbered(&input, "7");
        assert_eq!(numbered.field("text"), Some(&CValue::string("call 7")));
        let labels = CValue::list(CType::String, [CValue::string("7"), CValue::string("x")]);
        assert_eq!(numbered.field("labels"), Some(&labels));
    }
}
