//! Modules for tests.

use squall_engine::{Call, CallError, Engine, LocalEngine, ModuleSpec, SetError, module_fn};
use squall_value::{CType, CValue};

pub(crate) fn text_type() -> CType {
    CType::product([("text", CType::String)])
}

pub(crate) fn text(text: &str) -> CValue {
    CValue::product([("text", CValue::string(text))])
}

pub(crate) fn spec(name: &str) -> ModuleSpec {
    ModuleSpec::new(name, &text_type(), text_type())
}

pub(crate) fn set(engine: &LocalEngine, name: &str) -> Result<(), SetError> {
    engine.set_module(module_fn(spec(name), |input| async { Ok(input) }))
}

pub(crate) fn names(engine: &LocalEngine) -> Vec<String> {
    engine
        .modules()
        .iter()
        .map(|spec| spec.name.to_string())
        .collect()
}

pub(crate) fn engine_with<F, R>(function: F) -> LocalEngine
where
    F: Fn(CValue) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CValue, CallError>> + Send + 'static,
{
    let engine = LocalEngine::new();
    let module = module_fn(spec("a.Module"), function);
    engine.set_module(module).expect("the name is one");
    engine
}

pub(crate) async fn call(engine: &LocalEngine, input: CValue) -> Result<CValue, CallError> {
    engine.call(Call::new("a.Module", input)).await
}
