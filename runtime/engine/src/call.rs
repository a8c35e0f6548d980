//! The trait, and one call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use squall_value::CValue;

use crate::{Module, ModuleSpec, PipelineStore, SetError};

/// What knows modules, and calls them. Spec: provider 2.1.
///
/// Its modules may come and go at any time, so whatever it says of them may be outdated by the next call.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// All modules, sorted by name.
    fn modules(&self) -> Vec<Arc<ModuleSpec>>;

    /// What is known of the module of this qualified name.
    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>>;

    /// Adds a module of this process, or replaces one of the same name.
    ///
    /// # Errors
    /// When the name is no qualified name, or is another process's.
    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError>;

    /// Takes a module of this process away; false when there is none of that name.
    fn remove_module(&self, name: &str) -> bool;

    /// Calls a module, and waits for its answer as long as the call's timeout. Input and output are checked against
    /// the types that the module declares.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn call(&self, call: Call) -> Result<CValue, CallError>;

    /// The pipelines that are kept here by name; nothing when this engine keeps none. An engine that wraps another
    /// passes on the other's.
    fn pipelines(&self) -> Option<&PipelineStore> {
        None
    }
}

/// One call of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The qualified name: `ml.Analyze`.
    pub module: Arc<str>,
    /// A record of the module's inputs.
    pub input: CValue,
    /// How long it may take, all attempts included; as long as the engine says when absent.
    pub timeout: Option<Duration>,
    /// Travels with the call.
    pub metadata: BTreeMap<String, String>,
}

impl Call {
    /// A call without a timeout of its own and without metadata.
    pub fn new(module: impl Into<Arc<str>>, input: CValue) -> Self {
        Call {
            module: module.into(),
            input,
            timeout: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Sets how long it may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Why a call has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{code}] {message}")]
pub struct CallError {
    /// What kind of trouble.
    pub code: Code,
    /// What the module, or whoever failed on the way to it, said.
    pub message: Arc<str>,
    /// Whether it may have happened.
    pub outcome: Outcome,
}

impl CallError {
    /// A call that certainly did not happen, or of which the module itself says that it failed.
    pub fn failed(code: Code, message: impl Into<Arc<str>>) -> Self {
        CallError {
            code,
            message: message.into(),
            outcome: Outcome::Failed,
        }
    }

    /// A call that may have happened.
    pub fn unknown(code: Code, message: impl Into<Arc<str>>) -> Self {
        CallError {
            code,
            message: message.into(),
            outcome: Outcome::Unknown,
        }
    }
}

/// What kind of trouble a call met. The first four are the protocol's. Spec: provider 1.2, 2.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The input or the output is not of the declared type, or cannot be decoded.
    TypeError,
    /// The module failed.
    RuntimeError,
    /// The call took too long.
    Timeout,
    /// Nobody has a module of that name.
    ModuleNotFound,
    /// Nobody who has the module could be reached.
    Unavailable,
    /// The caller went away.
    Cancelled,
    /// The provider broke the protocol.
    Protocol,
    /// It would take more room than there is for it.
    TooLarge,
}

impl Code {
    /// As it is written in errors: `TYPE_ERROR`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::TypeError => "TYPE_ERROR",
            Code::RuntimeError => "RUNTIME_ERROR",
            Code::Timeout => "TIMEOUT",
            Code::ModuleNotFound => "MODULE_NOT_FOUND",
            Code::Unavailable => "UNAVAILABLE",
            Code::Cancelled => "CANCELLED",
            Code::Protocol => "PROTOCOL_ERROR",
            Code::TooLarge => "TOO_LARGE",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Did it happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It certainly did not happen, or the module itself says that it failed.
    Failed,
    /// It may have happened.
    Unknown,
}
