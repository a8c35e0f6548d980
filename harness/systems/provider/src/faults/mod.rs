//! Faults of managers and providers: one file each, as in [`squall_core::faults`].

mod canary;
mod drain_provider;
mod heartbeat_loss;

use squall_core::faults::Kind;

pub use self::drain_provider::DrainProvider;
pub use self::heartbeat_loss::HeartbeatLoss;
use crate::plan::Canary;

/// In the order of messages and of the schema.
pub const ALL: &[Kind] = &[
    Kind::of::<HeartbeatLoss>(),
    Kind::of::<DrainProvider>(),
    Kind::of::<Canary>(),
];
