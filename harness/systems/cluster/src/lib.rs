//! Nodes of a cluster, their actors, and deliveries to them.

mod behaviours;
mod events;
pub mod file;
mod journal;
mod nodes;
pub mod plan;
mod target;

use std::sync::Arc;

pub use self::behaviours::{Behaviour, Behaviours};
pub use self::journal::ClusterEvent;
pub use self::journal::KIND as EVENTS;
pub(crate) use self::nodes::Nodes;
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
