//! Modules of this process.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use squall_value::CValue;

use crate::{Call, CallError, Code, Engine, Module, ModuleSpec, SetError};

/// An engine with modules of this process alone.
#[derive(Default)]
pub struct LocalEngine {
    modules: RwLock<BTreeMap<Arc<str>, Arc<dyn Module>>>,
}

impl LocalEngine {
    /// One without modules.
    pub fn new() -> Self {
        LocalEngine::default()
    }

    fn get(&self, name: &str) -> Option<Arc<dyn Module>> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.get(name).cloned()
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn modules(&self) -> Vec<Arc<ModuleSpec>> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.values().map(|module| module.spec()).collect()
    }

    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>> {
        self.get(name).map(|module| module.spec())
    }

    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError> {
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        modules.insert(module.spec().name.clone(), module);
        Ok(())
    }

    fn remove_module(&self, name: &str) -> bool {
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        modules.remove(name).is_some()
    }

    async fn call(&self, call: Call) -> Result<CValue, CallError> {
        let Some(module) = self.get(&call.module) else {
            let message = format!("Module not found: {}", call.module);
            return Err(CallError::failed(Code::ModuleNotFound, message));
        };
        module.run(call.input).await
    }
}
