//! A module's specification, and a module of this process.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use squall_value::{CType, CValue, Fields};

use crate::CallError;

/// The specification of a module. Spec: provider 2.12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleSpec {
    /// The qualified name: `ml.Analyze`.
    pub name: Arc<str>,
    /// For people.
    pub description: Arc<str>,
    /// For people.
    pub version: Arc<str>,
    /// `external` and `provider` for those of other processes.
    pub tags: BTreeSet<Arc<str>>,
    /// The input: the fields of a record. Positional arguments are in the order of the names.
    pub inputs: Arc<Fields<CType>>,
    /// The output as declared: a record, or a value of any other type.
    pub output: CType,
}

impl ModuleSpec {
    /// A module of version 1.0.0 that is described only by its types. `input` is expanded as
    /// [`inputs_of`](Self::inputs_of) says.
    pub fn new(name: impl Into<Arc<str>>, input: &CType, output: CType) -> Self {
        ModuleSpec {
            name: name.into(),
            description: "".into(),
            version: "1.0.0".into(),
            tags: BTreeSet::new(),
            inputs: ModuleSpec::inputs_of(input),
            output,
        }
    }

    /// The part before the last dot of the name: `data.transform` of `data.transform.Enrich`. `None` when there is no
    /// dot.
    pub fn namespace(&self) -> Option<&str> {
        self.name.rsplit_once('.').map(|(namespace, _)| namespace)
    }

    /// The part after the last dot of the name: `Enrich` of `data.transform.Enrich`.
    pub fn short_name(&self) -> &str {
        self.name.rsplit_once('.').map_or(&*self.name, |(_, name)| name)
    }

    /// The declared input: the fields of a record, or `input` of any other type. Spec: provider 2.12.
    pub fn inputs_of(declared: &CType) -> Arc<Fields<CType>> {
        match declared {
            CType::Product(fields) => fields.clone(),
            other => Arc::new(Fields::from([("input".into(), other.clone())])),
        }
    }

    /// The output as named fields: those of a record, or `output` of any other type.
    pub fn outputs(&self) -> Arc<Fields<CType>> {
        match &self.output {
            CType::Product(fields) => fields.clone(),
            other => Arc::new(Fields::from([("output".into(), other.clone())])),
        }
    }
}

/// A module that runs in this process.
#[async_trait]
pub trait Module: Send + Sync + 'static {
    /// Its specification; the same at every call.
    fn spec(&self) -> Arc<ModuleSpec>;

    /// Runs it once. `input` is a record of its inputs.
    ///
    /// # Errors
    /// The module's failure.
    async fn run(&self, input: CValue) -> Result<CValue, CallError>;
}

/// Why a module cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// The name is taken by a module of another process.
    #[error("module '{name}' belongs to a provider")]
    Taken {
        /// The qualified name.
        name: Arc<str>,
    },
    /// The name is not a qualified name.
    #[error("'{name}' is no name of a module: {why}")]
    Name {
        /// The given name.
        name: Arc<str>,
        /// The mistake.
        why: String,
    },
}
