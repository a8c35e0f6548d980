//! A module that is a closure.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use squall_value::CValue;

use crate::{CallError, Module, ModuleSpec};

/// A module that runs `function` for every call. `function` is given a record of the module's inputs.
///
/// ```
/// use squall_engine::{LocalEngine, ModuleSpec, module_fn, Engine};
/// use squall_value::{CType, CValue};
///
/// let text = CType::product([("text", CType::String)]);
/// let spec = ModuleSpec::new("text.Echo", &text, text.clone());
/// let echo = module_fn(spec, |input: CValue| async move { Ok(input) });
/// LocalEngine::new().set_module(echo)?;
/// # Ok::<(), squall_engine::SetError>(())
/// ```
pub fn module_fn<F, R>(spec: impl Into<Arc<ModuleSpec>>, function: F) -> Arc<dyn Module>
where
    F: Fn(CValue) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CValue, CallError>> + Send + 'static,
{
    let spec = spec.into();
    Arc::new(Function { spec, function })
}

struct Function<F> {
    spec: Arc<ModuleSpec>,
    function: F,
}

#[async_trait]
impl<F, R> Module for Function<F>
where
    F: Fn(CValue) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CValue, CallError>> + Send + 'static,
{
    fn spec(&self) -> Arc<ModuleSpec> {
        self.spec.clone()
    }

    async fn run(&self, input: CValue) -> Result<CValue, CallError> {
        (self.function)(input).await
    }
}
