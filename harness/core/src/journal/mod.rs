//! The journal: the events of a run, as an ordered list of typed entries.
//!
//! Data flows one way: all information about a run (tables, expectations, oracles,
//! snapshots, reports) is a pure function of its journal.

mod event;
pub mod lines;
mod system;
pub mod values;

pub use event::{Close, Death, Entry, Event, Handling, Id, Outcome, RpcEnd, Touch};
pub use system::{EventKind, OfSystem, SystemEvent};

/// The record of a run.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// Ordered by time, and by occurrence within an instant.
    pub entries: Vec<Entry>,
}
