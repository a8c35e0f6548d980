//! Modules of this process.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use squall_value::{CType, CValue};

use crate::{Call, CallError, Code, Engine, Module, ModuleSpec, PipelineStore, SetError, names};

/// The default time limit of a call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// An engine with only the modules of this process.
///
/// It holds its lock only for lookups and changes, never while a module runs. A call that has begun continues when
/// its module is replaced or removed; one that takes too long is dropped at its await. Modules run in the task of
/// their callers: a module that computes without awaiting blocks everything in that task.
pub struct LocalEngine {
    modules: RwLock<BTreeMap<Arc<str>, Registered>>,
    pipelines: PipelineStore,
    timeout: Duration,
}

/// A module, with its specification from when it was set.
#[derive(Clone)]
struct Registered {
    spec: Arc<ModuleSpec>,
    module: Arc<dyn Module>,
}

impl LocalEngine {
    /// One without modules and pipelines, whose calls take at most [`CALL_TIMEOUT`].
    pub fn new() -> Self {
        LocalEngine {
            modules: RwLock::default(),
            pipelines: PipelineStore::new(),
            timeout: CALL_TIMEOUT,
        }
    }

    /// Sets the time limit of calls without one of their own.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn get(&self, name: &str) -> Option<Registered> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.get(name).cloned()
    }
}

impl Default for LocalEngine {
    fn default() -> Self {
        LocalEngine::new()
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn modules(&self) -> Vec<Arc<ModuleSpec>> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.values().map(|known| known.spec.clone()).collect()
    }

    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>> {
        self.get(name).map(|known| known.spec)
    }

    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError> {
        let spec = module.spec();
        let name = spec.name.clone();
        if let Err(why) = names::check(&name) {
            return Err(SetError::Name { name, why });
        }
        let replaced = {
            let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
            modules.insert(name, Registered { spec, module })
        };
        // Without the lock: this may be the last reference to the module, whose drop runs the module's own code.
        drop(replaced);
        Ok(())
    }

    fn remove_module(&self, name: &str) -> bool {
        let removed = {
            let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
            modules.remove(name)
        };
        removed.is_some()
    }

    async fn call(&self, call: Call) -> Result<CValue, CallError> {
        let Some(Registered { spec, module }) = self.get(&call.module) else {
            let message = format!("Module not found: {}", call.module);
            return Err(CallError::failed(Code::ModuleNotFound, message));
        };
        let input = call
            .input
            .conformed(&CType::Product(spec.inputs.clone()))
            .map_err(|mismatch| {
                let message = format!("the input of '{}' is not as declared: {mismatch}", spec.name);
                CallError::failed(Code::TypeError, message)
            })?;
        // A module must keep its shared state consistent itself, and its future is not polled again.
        let run = AssertUnwindSafe(async { module.run(input).await }).catch_unwind();
        let timeout = call.timeout.unwrap_or(self.timeout);
        let output = match tokio::time::timeout(timeout, run).await {
            Ok(Ok(answer)) => answer?,
            Ok(Err(panic)) => {
                let message = format!("module '{}' panicked: {}", spec.name, text(&*panic));
                return Err(CallError::failed(Code::RuntimeError, message));
            }
            Err(_) => {
                let message = format!("module '{}' took longer than {timeout:?}", spec.name);
                return Err(CallError::unknown(Code::Timeout, message));
            }
        };
        output.conformed(&spec.output).map_err(|mismatch| {
            let message = format!("the output of '{}' is not as declared: {mismatch}", spec.name);
            CallError::unknown(Code::TypeError, message)
        })
    }

    fn pipelines(&self) -> Option<&PipelineStore> {
        Some(&self.pipelines)
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    let text = panic.downcast_ref::<&str>().copied().or_else(owned);
    text.unwrap_or("a panic without a message")
}
