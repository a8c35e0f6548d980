//! The oracles of all systems.

use squall_core::journal::Journal;
use squall_core::oracle::{self, First, Oracle, Run, Violation};
use squall_core::plan::Plan;
use squall_core::verdict::{Verdict, judge_run_with};
use squall_system_cluster as cluster;
pub use squall_system_cluster::oracles::{Ordered, Told};
use squall_system_provider as provider;
pub use squall_system_provider::oracles::{CanaryEnds, Fair, OneOwner, RightProvider, SilentProvider};
use squall_system_router as router;
pub use squall_system_router::evidence::{Counters, Placement};
pub use squall_system_router::oracles::{
    Converges, Depth, Dials, Dismissed, Idempotent, MetricsAgree, NoSelfDial, RightPlace, Turns,
};

/// Oracles about more than one system.
const OF_BOTH: &[&dyn Oracle] = &[&Drains];

/// All oracles, in report order: first those about calls in any system, then those of each system.
pub const ALL: [&dyn Oracle; 29] = joined([
    oracle::OF_CALLS,
    router::oracles::ALL,
    OF_BOTH,
    provider::oracles::ALL,
    cluster::oracles::ALL,
]);

/// Fails to compile unless the lists have `N` items together.
const fn joined<const N: usize>(lists: [&[&'static dyn Oracle]; 5]) -> [&'static dyn Oracle; N] {
    let mut all: [&dyn Oracle; N] = [&Drains; N];
    let (mut list, mut place) = (0, 0);
    while list < lists.len() {
        let mut of_list = 0;
        while of_list < lists[list].len() {
            all[place] = lists[list][of_list];
            (of_list, place) = (of_list + 1, place + 1);
        }
        list += 1;
    }
    assert!(place == N, "`N` is not how many oracles there are");
    all
}

/// Judges a run by its plan and its journal. To also print it, fold it once with [`Run::of`], and call
/// [`judge_run`].
#[must_use]
pub fn judge(plan: &Plan, journal: &Journal) -> Verdict {
    judge_run(&Run::of(plan, journal))
}

/// Judges a folded run.
#[must_use]
pub fn judge_run(run: &Run<'_>) -> Verdict {
    judge_run_with(run, &ALL, &[])
}

/// A draining module or provider gets no new requests, and ends with none in flight. Spec: router 5.2, provider 2.8,
/// 2.11.
#[derive(Debug, Clone, Copy)]
pub struct Drains;

impl Oracle for Drains {
    fn name(&self) -> &'static str {
        "drains"
    }

    fn promise(&self) -> &'static str {
        "who drains gets nothing new, and ends with nothing in the works"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        router::oracles::drains::check(run, &mut first);
        provider::oracles::drains::check(run, &mut first);
        first.result()
    }
}

#[cfg(test)]
mod tests {
    use squall_core::testing::{Script, assert_holds};

    use super::*;

    #[test]
    fn all_hold_when_nothing_happened() {
        for oracle in ALL {
            assert_holds(oracle, Script::new());
        }
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|oracle| oracle.name()).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
