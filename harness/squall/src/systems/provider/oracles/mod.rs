//! Oracles about providers and their managers. For those about calls in any system see [`oracle`](crate::oracle).

mod canary_ends;
pub(crate) mod drains;
mod fair;
mod one_owner;
mod right_provider;
mod silent_provider;

pub use self::canary_ends::CanaryEnds;
pub use self::fair::Fair;
pub use self::one_owner::OneOwner;
pub use self::right_provider::RightProvider;
pub use self::silent_provider::SilentProvider;
use crate::oracle::Oracle;

/// In report order.
pub(crate) const ALL: &[&dyn Oracle] = &[&SilentProvider, &OneOwner, &Fair, &RightProvider, &CanaryEnds];
