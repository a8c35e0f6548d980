//! Managers and providers of modules, as defined by the Constellation Module Provider Protocol.

pub mod assembly;
mod behalf;
mod events;
pub mod evidence;
mod expectations;
pub(crate) mod faults;
pub(crate) mod file;
mod fleet;
mod fold;
mod journal;
pub(crate) mod oracles;
pub(crate) mod plan;
mod section;
mod statistics;
mod targets;

use std::sync::Arc;

pub use self::expectations::{CanaryExpectation, ProviderCheck, ProviderExpectation};
pub(crate) use self::fleet::Fleet;
pub(crate) use self::journal::KIND as EVENTS;
pub use self::journal::ProviderEvent;
pub(crate) use self::section::section;
pub use self::statistics::ProviderStatistics;
pub use self::targets::{ModuleCall, PipelineRun};
use crate::hosting::{Hosting, Running, Start};
use crate::run::Source;

/// Managers, providers, and their targets.
#[derive(Clone, Copy)]
pub(crate) struct Providers;

impl Hosting for Providers {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(fleet::build(start))
    }
}
