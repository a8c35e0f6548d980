//! Managers and providers of modules, as defined by the Constellation Module Provider Protocol.

pub mod assembly;
mod behalf;
mod events;
pub mod evidence;
mod expectations;
pub mod faults;
pub mod file;
mod fleet;
mod fold;
mod journal;
pub mod oracles;
pub mod plan;
mod section;
mod statistics;
mod targets;
#[cfg(test)]
mod testing;

use std::sync::Arc;

pub use self::expectations::{CanaryExpectation, ProviderCheck, ProviderExpectation};
pub use self::fleet::Fleet;
pub use self::journal::KIND as EVENTS;
pub use self::journal::ProviderEvent;
pub use self::section::section;
pub use self::statistics::ProviderStatistics;
pub use self::targets::{ModuleCall, PipelineRun};
use squall_core::hosting::{Hosting, Running, Start};
use squall_core::run::Source;

/// Managers, providers, and their targets.
#[derive(Clone, Copy)]
pub struct Providers;

impl Hosting for Providers {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(fleet::build(start))
    }
}
