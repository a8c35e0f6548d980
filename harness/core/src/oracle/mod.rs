//! Oracles: invariants that hold in every run, whatever its scenario expects.
//!
//! One invariant, one file. An oracle is a pure function of a run's journal and plan. It must have no false positives
//! in any scenario: where a journal cannot tell a violation from an effect of the scenario itself, the oracle passes.
//!
//! Oracles about calls in any system are here, those of one system in that system's crate.
//!
//! | oracle | what it promises | where that comes from |
//! |---|---|---|
//! | [`EndsOnce`] | every call ends exactly once, with a known class | router H-10, appendix C |
//! | [`Deadline`] | calls end in time, and do not time out early | router S-32, S-33, appendix C |
//! | [`Executed`] | every reply comes from an execution of the same call | router S-9, W-3, section 9 |
//! | [`PayloadIntact`] | what is sent is what arrives, both ways | router S-22, S-27 |
//! | [`Once`] | nothing is sent or executed twice | router W-2, appendix C |
//! | [`Blocking`] | no caller returns before its callee | router S-28 |
//! | [`NothingLeft`] | no task, socket, timer, hop or execution is left at the end | router W-4, appendix C |
//! | [`OutcomeHonest`] | a call that "certainly did not happen" was not executed | router W-3, appendix A |
//! | [`Budget`] | no hop has more time than its parent has left | router S-32, H-13 |
//! | [`Abandoned`] | work stops after its caller gave up | router 3.10, provider section 6 |
//! | [`Overtime`] | no handler runs past its deadline | router S-32, provider section 6 |
//! | [`Recovers`] | calls succeed again after the last fault | design, section 7 |

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

mod abandoned;
mod blocking;
mod budget;
mod deadline;
mod ends_once;
pub(crate) mod evidence;
mod executed;
mod nothing_left;
mod once;
mod outcome_honest;
mod overtime;
mod payload;
mod recovers;
mod run;
mod violation;

pub use abandoned::Abandoned;
pub use blocking::Blocking;
pub use budget::Budget;
pub use deadline::Deadline;
pub use ends_once::EndsOnce;
pub use evidence::Evidence;
pub use executed::Executed;
pub use nothing_left::NothingLeft;
pub use once::Once;
pub use outcome_honest::OutcomeHonest;
pub use overtime::Overtime;
pub use payload::PayloadIntact;
pub use recovers::Recovers;
pub use run::{Note, Run};
pub use violation::First;
pub use violation::Violation;

/// An invariant that holds in every run.
pub trait Oracle {
    /// Its name in reports: one lower-case word, or two.
    fn name(&self) -> &'static str;

    /// The invariant, as a statement.
    fn promise(&self) -> &'static str;

    /// Judges a run, and returns how many things it judged: calls, turns, silences, or whatever the invariant is about.
    /// Zero means that it holds vacuously.
    ///
    /// # Errors
    /// The first violation in virtual time.
    fn check(&self, run: &Run<'_>) -> Result<u64, Violation>;
}

/// A user-defined oracle, which may be shared by runs on several threads.
pub type OwnOracle = Arc<dyn Oracle + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// Oracles about calls, hops and executions in any system, in report order.
pub const OF_CALLS: &[&dyn Oracle] = &[
    &EndsOnce,
    &Deadline,
    &Executed,
    &PayloadIntact,
    &Once,
    &Blocking,
    &NothingLeft,
    &OutcomeHonest,
    &Overtime,
    &Budget,
    &Abandoned,
    &Recovers,
];

/// Tolerance in nanoseconds: 1 ms timer granularity, for tokio's timers fire at millisecond boundaries, and 1 ms
/// propagation delay.
pub const SLACK: u64 = 2_000_000;

/// How long no fault must have touched a link, in nanoseconds, for its delay to be its latency alone: longer than the
/// retransmission backoff.
pub const CALM: u64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, assert_holds};

    #[test]
    fn all_hold_on_a_sound_journal() {
        for oracle in OF_CALLS {
            let mut script = Script::new();
            script.sound();
            assert_holds(*oracle, script);
        }
    }
}
