//! Modules, and messages between their nodes.

pub(crate) mod assembly;
pub(crate) mod components;
mod counters;
mod events;
pub(crate) mod evidence;
pub(crate) mod faults;
pub(crate) mod file;
mod front;
pub mod import;
mod journal;
pub(crate) mod oracles;
pub(crate) mod plan;
mod stage;
mod target;
mod world;

use std::sync::Arc;

pub use self::front::Front;
pub(crate) use self::front::Straight;
pub(crate) use self::journal::KIND as EVENTS;
pub use self::journal::RouterEvent;
use self::stage::Stage;
pub(crate) use self::stage::{Adjust, Place, Prepare};
pub use self::target::NodePort;
pub(crate) use self::world::World;
use crate::hosting::{Hosting, Running, Start};
use crate::run::Source;
use crate::systems::router::components::Components;

/// Modules, with the components of their nodes.
#[derive(Clone)]
pub(crate) struct Router {
    pub(crate) components: Components,
    /// The layer between workloads and modules.
    pub(crate) front: Arc<dyn Front>,
    /// Overrides a module's limits.
    pub(crate) adjust: Adjust,
    /// Runs for every module at its start.
    pub(crate) prepare: Prepare,
}

impl Router {
    /// With the built-in components.
    pub(crate) fn builtin() -> Self {
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
