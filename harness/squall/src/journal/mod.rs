//! The journal: what happened in a run, as an ordered list of typed events.
//!
//! Data flows one way: whatever anybody wants to know of a run (tables, expectations, oracles,
//! snapshots, reports) is a pure function of its journal.

mod event;
pub mod lines;
mod system;

pub use crate::systems::provider::ProviderEvent;
pub use crate::systems::router::RouterEvent;
pub use crate::systems::service::RpcEvent;
pub use event::{Close, Death, Entry, Event, Handling, Id, Outcome, RpcEnd, Touch};
pub use system::{EventKind, OfSystem, SystemEvent};

/// What a run leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// In order of time, and of happening within an instant.
    pub entries: Vec<Entry>,
}
