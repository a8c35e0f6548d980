//! Faults of managers and providers: one file each, as in [`crate::faults`].

mod canary;
mod drain_provider;
mod heartbeat_loss;

pub use self::drain_provider::DrainProvider;
pub use self::heartbeat_loss::HeartbeatLoss;
use crate::faults::Kind;
use crate::plan::Canary;

/// In the order of messages and of the schema.
pub(crate) const ALL: &[Kind] = &[
    Kind::of::<HeartbeatLoss>(),
    Kind::of::<DrainProvider>(),
    Kind::of::<Canary>(),
];
