//! Oracles: what holds in every run, whatever its scenario expects.
//!
//! One promise, one file. An oracle is a pure function of a run's journal and plan, and it must be sound for all
//! scenarios: where a journal cannot tell a broken promise from an effect of the scenario itself, it stays silent.
//!
//! Those of calls in any system are here, and those of one system in its room, `systems/*/oracles`.
//!
//! | oracle | what it promises | where that comes from |
//! |---|---|---|
//! | [`EndsOnce`] | every call ends exactly once, with a known class | router H-10, appendix C |
//! | [`Deadline`] | in time, and no timeout before its time | router S-32, S-33, appendix C |
//! | [`RightPlace`] | only the node that was addressed handles | router S-9 to S-12 |
//! | [`Executed`] | what is answered was executed, for the same call | router S-9, W-3, section 9 |
//! | [`Converges`] | calls go where discovery says | router 4.3, 6.1, appendix C |
//! | [`Dismissed`] | who is announced no more is left with the last call | router 4.3, 6.1 |
//! | [`Turns`] | a module's replicas take turns | router 4.3 |
//! | [`Dials`] | an endpoint is dialled once at a time | router 4.2, 4.3 |
//! | [`Drains`] | who drains gets nothing new, and ends with nothing in the works | router 5.2, provider 2.8 |
//! | [`PayloadIntact`] | what is sent is what arrives, both ways | router S-22, S-27 |
//! | [`Once`] | nothing is sent or executed twice | router W-2, appendix C |
//! | [`Idempotent`] | a key is handled to its end once | router W-3, section 9, appendix C |
//! | [`NoSelfDial`] | no module dials itself | router H-9 |
//! | [`Depth`] | chains of calls are bounded, and each execution counts | router 3.4 |
//! | [`Blocking`] | nobody returns before its callee | router S-28 |
//! | [`NothingLeft`] | at the end nothing is left | router W-4, appendix C |
//! | [`OutcomeHonest`] | what "certainly did not happen" did not | router W-3, appendix A |
//! | [`MetricsAgree`] | what modules count is what happened | router S-34, S-35, appendix C |
//! | [`SilentProvider`] | who is silent is deregistered in time, and not before | provider 2.7 |
//! | [`OneOwner`] | a namespace has one owner, and a free one can be taken | provider 2.6 |
//! | [`Fair`] | members of a group take turns | provider 2.11 |
//! | [`RightProvider`] | only the provider that was asked executes | provider 2.12 |
//! | [`Budget`] | no hop has more time than the call that it is part of | router S-32, H-13 |
//! | [`Abandoned`] | nobody works on for a caller that gave up | router 3.10, provider section 6 |
//! | [`Overtime`] | no handler works on after its deadline | router S-32, provider section 6 |
//! | [`CanaryEnds`] | a canary ends with one version, or says who has which | provider 3.7 |
//! | [`Recovers`] | after the last fault calls succeed again | design, section 7 |

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
pub(crate) use violation::First;
pub use violation::Violation;

pub use crate::systems::oracles::{
    ALL, CanaryEnds, Converges, Counters, Depth, Dials, Dismissed, Drains, Fair, Idempotent, MetricsAgree,
    NoSelfDial, OneOwner, Placement, RightPlace, RightProvider, SilentProvider, Turns,
};

/// A promise that holds in every run.
pub trait Oracle {
    /// How reports name it: one lower-case word, or two.
    fn name(&self) -> &'static str;

    /// The promise, as a statement.
    fn promise(&self) -> &'static str;

    /// Judges a run, and says how many things it judged: calls, turns, silences, or whatever its promise is about. With
    /// none it held because nothing was there to break it.
    ///
    /// # Errors
    /// The first violation in virtual time.
    fn check(&self, run: &Run<'_>) -> Result<u64, Violation>;
}

/// An oracle of a user's own, which may be shared by runs on several threads.
pub type OwnOracle = Arc<dyn Oracle + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// Those that hold of calls, hops and executions in any system, in the order of reports.
pub(crate) const OF_CALLS: &[&dyn Oracle] = &[
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

/// What a timer may be late: tokio's fire at millisecond boundaries, and one more for the way of the news.
pub(crate) const SLACK: u64 = 2_000_000;

/// For how long a link must have been left alone, for news on it to need no longer than it takes: longer than retransmissions
/// back off.
pub(crate) const CALM: u64 = 30_000_000_000;
