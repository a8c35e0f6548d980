//! Evidence for the oracles about modules, besides calls.

mod counters;
mod placement;
mod wire;

pub use self::counters::Counters;
pub(crate) use self::counters::{Latency, Pair};
pub use self::placement::Placement;
pub use self::wire::{Drain, Endpoint, Wire};
