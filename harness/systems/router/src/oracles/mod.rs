//! Oracles about modules and their messages. For those about calls in any system see [`oracle`](squall_core::oracle).

mod converges;
mod depth;
mod dials;
mod dismissed;
pub mod drains;
mod idempotent;
mod metrics;
mod no_self_dial;
mod right_place;
mod turns;

use squall_core::oracle::Oracle;

pub use self::converges::Converges;
pub use self::depth::Depth;
pub use self::dials::Dials;
pub use self::dismissed::Dismissed;
pub use self::idempotent::Idempotent;
pub use self::metrics::MetricsAgree;
pub use self::no_self_dial::NoSelfDial;
pub use self::right_place::RightPlace;
pub use self::turns::Turns;

/// In report order.
pub const ALL: &[&dyn Oracle] = &[
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OfModules, Script, assert_holds};

    #[test]
    fn all_hold_on_a_sound_journal() {
        for oracle in ALL {
            let mut script = Script::of_modules();
            script.sound();
            assert_holds(*oracle, script);
        }
    }
}
