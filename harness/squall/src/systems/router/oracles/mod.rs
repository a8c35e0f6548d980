//! Oracles about modules and their messages. For those about calls in any system see [`oracle`](crate::oracle).

mod converges;
mod depth;
mod dials;
mod dismissed;
pub(crate) mod drains;
mod idempotent;
mod metrics;
mod no_self_dial;
mod right_place;
mod turns;

pub use self::converges::Converges;
pub use self::depth::Depth;
pub use self::dials::Dials;
pub use self::dismissed::Dismissed;
pub use self::idempotent::Idempotent;
pub use self::metrics::MetricsAgree;
pub use self::no_self_dial::NoSelfDial;
pub use self::right_place::RightPlace;
pub use self::turns::Turns;
use crate::oracle::Oracle;

/// In report order.
pub(crate) const ALL: &[&dyn Oracle] = &[
    &RightPlace,
    &Converges,
    &Idempotent,
    &NoSelfDial,
    &Depth,
    &MetricsAgree,
    &Dismissed,
    &Turns,
    &Dials,
];
