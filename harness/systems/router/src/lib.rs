//! Modules, and messages between their nodes.

pub mod assembly;
pub mod components;
mod counters;
mod events;
pub mod evidence;
pub mod faults;
pub mod file;
mod front;
pub mod import;
mod journal;
pub mod openmetrics;
pub mod oracles;
pub mod plan;
mod stage;
mod target;
#[cfg(test)]
mod testing;
mod world;

use std::sync::Arc;

pub use self::front::Front;
pub(crate) use self::front::Straight;
pub use self::journal::KIND as EVENTS;
pub use self::journal::RouterEvent;
use self::stage::Stage;
pub(crate) use self::stage::{Adjust, Place, Prepare};
pub use self::target::NodePort;
pub(crate) use self::world::World;
use crate::components::Components;
use squall_core::hosting::{Hosting, Running, Start};
use squall_core::run::Source;

/// Modules, with the components of their nodes.
#[derive(Clone)]
pub struct Router {
    /// What nodes run.
    pub components: Components,
    /// The layer between workloads and modules.
    pub front: Arc<dyn Front>,
    /// Overrides a module's limits.
    pub adjust: Adjust,
    /// Runs for every module at its start.
    pub prepare: Prepare,
}

impl Router {
    /// With the built-in components.
    pub fn builtin() -> Self {
        Router {
            components: Components::builtin(),
            front: Arc::new(Straight),
            adjust: Arc::new(|_, options| options),
            prepare: Arc::new(|_| {}),
        }
    }
}

impl Hosting for Router {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        let stage = Stage::of(start.plan, self);
        Arc::new(world::build(start, stage))
    }
}
