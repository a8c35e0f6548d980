//! Managers and providers of modules, as the Constellation Module Provider Protocol has them.

mod behalf;
pub(crate) mod events;
mod expectations;
pub(crate) mod faults;
pub(crate) mod file;
mod fleet;
pub(crate) mod plan;
mod targets;

use std::sync::Arc;

pub use self::expectations::{CanaryExpectation, ProviderCheck, ProviderExpectation};
pub(crate) use self::fleet::Fleet;
pub use self::targets::{ModuleCall, PipelineRun};
use super::{Hosting, Running, Start};

/// Managers, providers, and what calls their modules.
#[derive(Clone, Copy)]
pub(crate) struct Providers;

impl Hosting for Providers {
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(fleet::build(start))
    }
}
