//! A module of a provider, with its types and its handler.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use squall_proto::provider::ModuleDeclaration;
use squall_value::{CType, CValue};
use tokio::time::Instant;

use crate::HandlerError;
use crate::failure::Failure;

type Work = Pin<Box<dyn Future<Output = Result<CValue, Failure>> + Send>>;
type Handler = Arc<dyn Fn(CValue, Context) -> Work + Send + Sync>;

/// A module: its short name, its types, and the code that runs it. Clones share the handler.
///
/// The handler is called concurrently. It is dropped at its next await when its caller gives up, or the caller's
/// deadline passes. Its caller gets a panic as an error, and nothing else is affected. Neither input nor output is
/// checked against the types: they are sent to the manager, which checks them. Spec: provider 3.5.
#[derive(Clone)]
pub struct Module {
    name: Arc<str>,
    input: CType,
    output: CType,
    version: Arc<str>,
    description: Arc<str>,
    handler: Handler,
}

/// The context of an execution, besides its input.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// The short name of the called module.
    pub module: Arc<str>,
    /// The manager's identifier of the execution; other implementations of a manager may repeat it or leave it empty.
    pub execution_id: Arc<str>,
    /// The metadata of the call. The existing managers send none.
    pub metadata: Arc<BTreeMap<String, String>>,
    /// When the call was received.
    pub executor: SocketAddr,
    /// The caller's deadline, at which the handler is dropped, if there is one.
    pub deadline: Option<Instant>,
}

impl Module {
    /// A module whose handler gets the input unconverted, and whose output is sent unconverted.
    ///
    /// A manager always sends a record. If the declared input is no record, it has the single field `input`. Spec:
    /// provider 2.12.
    pub fn new<F, W>(name: impl Into<Arc<str>>, input: CType, output: CType, handler: F) -> Self
    where
        F: Fn(CValue, Context) -> W + Send + Sync + 'static,
        W: Future<Output = Result<CValue, HandlerError>> + Send + 'static,
    {
        Module::with(name, input, output, move |input, context| {
            let work = handler(input, context);
            Box::pin(async move { work.await.map_err(Failure::Handler) })
        })
    }

    /// A module whose handler takes and returns its own types, through serde. The output is converted to the declared
    /// type.
    ///
    /// An input that does not fit the handler's type is a `TYPE_ERROR`. If the declared input is no record, the
    /// handler gets the content of the single field `input` that a manager makes of it. Spec: provider 2.12, 3.5.
    pub fn typed<I, O, F, W>(name: impl Into<Arc<str>>, input: CType, output: CType, handler: F) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(I) -> W + Send + Sync + 'static,
        W: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        Module::typed_in_context(name, input, output, move |input, _| handler(input))
    }

    /// As [`Module::typed`], for a handler that uses the execution's context.
    pub fn typed_in_context<I, O, F, W>(
        name: impl Into<Arc<str>>,
        input: CType,
        output: CType,
        handler: F,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(I, Context) -> W + Send + Sync + 'static,
        W: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let is_record = matches!(input, CType::Product(_));
        let declared = output.clone();
        Module::with(name, input, output, move |input, context| {
            let input = if is_record { input } else { unwrapped(input) };
            let work = input.deserialize().map(|input| handler(input, context));
            let declared = declared.clone();
            Box::pin(async move {
                let work = work.map_err(|why| Failure::Input(why.to_string()))?;
                let output = work.await.map_err(Failure::Handler)?;
                let output = CValue::from_serialize(&output, &declared);
                output.map_err(|why| Failure::Output(why.to_string()))
            })
        })
    }

    fn with<F>(name: impl Into<Arc<str>>, input: CType, output: CType, handler: F) -> Self
    where
        F: Fn(CValue, Context) -> Work + Send + Sync + 'static,
    {
        Module {
            name: name.into(),
            input,
            output,
            version: "".into(),
            description: "".into(),
            handler: Arc::new(handler),
        }
    }

    /// Sets the version, which is for people only.
    #[must_use]
    pub fn version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the description, which is for people only.
    #[must_use]
    pub fn description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.description = description.into();
        self
    }

    /// The short name: without the namespace.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The name with its namespace, as pipelines use it.
    pub fn qualified(&self, namespace: &str) -> String {
        format!("{namespace}.{}", self.name)
    }

    /// The declared type of its input.
    pub fn input(&self) -> &CType {
        &self.input
    }

    /// The declared type of its output.
    pub fn output(&self) -> &CType {
        &self.output
    }

    /// Its declaration for a manager. Spec: provider 1.2.
    pub fn declaration(&self) -> ModuleDeclaration {
        ModuleDeclaration {
            name: self.name.to_string(),
            input_schema: Some(self.input.to_schema()),
            output_schema: Some(self.output.to_schema()),
            version: self.version.to_string(),
            description: self.description.to_string(),
        }
    }

    /// Its description for people.
    pub(crate) fn version_text(&self) -> &str {
        &self.version
    }

    /// True when a manager that knows one need not be notified of the other: name and types are the same.
    pub(crate) fn is_declared_as(&self, other: &Module) -> bool {
        (&self.name, &self.input, &self.output) == (&other.name, &other.input, &other.output)
    }

    pub(crate) fn run(&self, input: CValue, context: Context) -> Work {
        (self.handler)(input, context)
    }
}

/// The value in the single field `input`, if there is no other field.
fn unwrapped(input: CValue) -> CValue {
    match input {
        CValue::Product { mut value, structure } if value.len() == 1 => match value.remove("input") {
            Some(input) => input,
            None => CValue::Product { value, structure },
        },
        input => input,
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name)
            .field("input", &self.input)
            .field("output", &self.output)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
