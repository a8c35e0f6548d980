//! What runs Constellation modules. Spec: provider 2.1, 2.12, and the guide.
//!
//! An [`Engine`] knows modules by their qualified names (`ml.Analyze`), and calls them. [`LocalEngine`] has modules
//! of its own process; a provider manager wraps an engine and adds those of other processes.
//!
//! | subject | file |
//! |---|---|
//! | the trait, and one call | `call` |
//! | what is known of a module, and one that runs in this process | `module` |
//! | modules of this process | `local` |

mod call;
mod local;
mod module;

pub use async_trait::async_trait;
pub use call::{Call, CallError, Code, Engine, Outcome};
pub use local::LocalEngine;
pub use module::{Module, ModuleSpec, SetError};
