//! Oracles about actors.

mod ordered;
mod told;

pub use ordered::Ordered;
pub use told::Told;

use squall_core::oracle::Oracle;

/// All of them, in report order.
pub const ALL: &[&dyn Oracle] = &[&Ordered, &Told];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OfNodes, S, Script, assert_holds};

    #[test]
    fn all_hold_on_a_sound_journal() {
        for oracle in ALL {
            let mut script = Script::of_nodes();
            for call in 1..20 {
                let script = script.at(call * S);
                match call % 4 {
                    0 => script.delivered(call, (1, call), "rejected"),
                    _ => script.delivered(call, (1, call), "handled"),
                };
            }
            assert_holds(*oracle, script);
        }
    }
}
