//! Nodes of a cluster, their actors, and deliveries to them.

mod behaviours;
mod events;
pub mod evidence;
pub mod file;
mod journal;
mod nodes;
pub mod oracles;
pub mod plan;
mod section;
mod statistics;
mod target;
#[cfg(test)]
mod testing;

use std::sync::Arc;

pub use self::behaviours::{Behaviour, Behaviours};
pub use self::journal::ClusterEvent;
pub use self::journal::KIND as EVENTS;
pub(crate) use self::nodes::Nodes;
pub use self::section::section;
pub use self::statistics::ActorStatistics;
pub use self::target::Delivery;
use squall_core::hosting::{Hosting, Running, Start};
use squall_core::run::Source;

/// Nodes, with the behaviours of their actors.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// What actors do.
    pub behaviours: Behaviours,
}

impl Cluster {
    /// With the built-in behaviours.
    pub fn builtin() -> Self {
        Cluster {
            behaviours: Behaviours::builtin(),
        }
    }
}

impl Hosting for Cluster {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(nodes::build(start, &self.behaviours))
    }
}
