//! The trait, and one call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use squall_value::CValue;

use crate::{Module, ModuleSpec, PipelineStore, SetError};

/// Knows modules, and calls them. Spec: provider 2.1.
///
/// Its modules may come and go at any time, so any information about them may be outdated by the next call.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// All modules, sorted by name.
    fn modules(&self) -> Vec<Arc<ModuleSpec>>;

    /// The specification of the module of this qualified name.
    fn module(&self, name: &str) -> Option<Arc<ModuleSpec>>;

    /// Adds a module of this process, or replaces one of the same name.
    ///
    /// # Errors
    /// When the name is not a qualified name, or belongs to another process.
    fn set_module(&self, module: Arc<dyn Module>) -> Result<(), SetError>;

    /// Removes a module of this process; false when there is none of that name.
    fn remove_module(&self, name: &str) -> bool;

    /// Calls a module, and waits for its response for up to the call's timeout. Input and output are checked against
    /// the module's declared types.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn call(&self, call: Call) -> Result<CValue, CallError>;

    /// The pipelines stored here by name; `None` when this engine stores none. An engine that wraps another one
    /// passes on that one's.
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
    /// The time limit, all attempts included; the engine's default when absent.
    pub timeout: Option<Duration>,
    /// Metadata of the call.
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

    /// Sets the time limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Why a call has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{code}] {message}")]
pub struct CallError {
    /// The kind of the error.
    pub code: Code,
    /// The message of the module, or of the component that failed on the way to it.
    pub message: Arc<str>,
    /// Whether it may have happened.
    pub outcome: Outcome,
}

impl CallError {
    /// A call that certainly did not happen, or whose module itself reports a failure.
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

/// The kind of a call's error. The first four are the protocol's. Spec: provider 1.2, 2.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The input or the output does not have the declared type, or cannot be decoded.
    TypeError,
    /// The module failed.
    RuntimeError,
    /// The call took too long.
    Timeout,
    /// There is no module of that name.
    ModuleNotFound,
    /// No provider of the module could be reached.
    Unavailable,
    /// The caller gave up.
    Cancelled,
    /// The provider broke the protocol.
    Protocol,
    /// It would exceed a memory limit.
    TooLarge,
}

impl Code {
    /// The spelling in errors: `TYPE_ERROR`.
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
    /// It certainly did not happen, or the module itself reports a failure.
    Failed,
    /// It may have happened.
    Unknown,
}
