//! Canaries of one provider with different observation settings.
//!
//! A provider gets its observation settings at its start. So all canaries of one host must have the same, as restarts are
//! not known in advance.

use std::collections::BTreeMap;
use std::ops::Range;

use squall_core::file::report::{Problem, Problems};
use squall_core::scenario::OpenFault;

use crate::plan::Canary;

/// Checks faults, each with the position of its start time.
pub fn check(faults: &[(&OpenFault, &Range<usize>)], problems: &mut Problems) {
    let mut first: BTreeMap<&str, (&Range<usize>, &Canary)> = BTreeMap::new();
    for (fault, place) in faults {
        let Some(canary) = fault.kind.as_kind::<Canary>() else {
            continue;
        };
        for host in &canary.hosts {
            let (other, earlier) = *first.entry(host).or_insert((place, canary));
            if watched(earlier) == watched(canary) {
                continue;
            }
            let problem = Problem::new(format!("two canaries of `{host}` are watched differently"))
                .at(place, "this one...")
                .at(other, "...and this one")
                .help(
                    "give both the same `observation_window`, `health_threshold`, `max_latency` and `rollback`: a \
                     provider has them from its start",
                );
            problems.add(problem);
            break;
        }
    }
}

fn watched(canary: &Canary) -> impl PartialEq {
    (
        canary.observation_window,
        canary.health_threshold,
        canary.max_latency,
        canary.rollback,
    )
}
