//! Runs Constellation modules. Spec: provider 2.1, 2.12, and the guide.
//!
//! An [`Engine`] knows modules by their qualified names (`ml.Analyze`), and calls them. [`LocalEngine`] has modules
//! of its own process; a provider manager wraps an engine and adds modules of other processes. A
//! [`Pipeline`](pipeline::Pipeline) is a program that calls modules, and runs on any engine.
//!
//! | subject | file |
//! |---|---|
//! | the trait, and one call | `call` |
//! | a module's specification, and a module of this process | `module` |
//! | a module that is a closure | `function` |
//! | modules of this process | `local` |
//! | valid names of modules | `names` |
//! | programs that call modules: parsed, checked, run, stored by name | `pipeline` |
//!
//! Deliberately absent: short names and aliases, because two namespaces with the same short name would be confused
//! (spec: provider section 6, point 15); and a store for suspended runs, because no run is ever suspended.

mod call;
mod function;
mod local;
mod module;
mod names;
pub mod pipeline;

pub use async_trait::async_trait;
pub use call::{Call, CallError, Code, Engine, Outcome};
pub use function::module_fn;
pub use local::{CALL_TIMEOUT, LocalEngine};
pub use module::{Module, ModuleSpec, SetError};
pub use pipeline::PipelineStore;
