//! Oracles about providers and their managers. For those about calls in any system see [`oracle`](squall_core::oracle).

mod canary_ends;
pub mod drains;
mod fair;
mod one_owner;
#[cfg(test)]
mod overtime;
mod right_provider;
mod silent_provider;

use squall_core::oracle::Oracle;

pub use self::canary_ends::CanaryEnds;
pub use self::fair::Fair;
pub use self::one_owner::OneOwner;
pub use self::right_provider::RightProvider;
pub use self::silent_provider::SilentProvider;

/// In report order.
pub const ALL: &[&dyn Oracle] = &[&SilentProvider, &OneOwner, &Fair, &RightProvider, &CanaryEnds];
