//! Canaries of one provider that are watched differently.
//!
//! A provider is told at its start how canaries are watched. So all of one host are watched alike, as long as nothing is
//! known of when it starts anew.

use std::collections::BTreeMap;

use crate::file::raw::fault as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::Canary;
use crate::scenario::OpenFault;

pub(in crate::file::scenario) fn check(
    raw: &[At<raw::Fault>],
    faults: &[OpenFault],
    problems: &mut Problems,
) {
    let mut first: BTreeMap<&str, (usize, &Canary)> = BTreeMap::new();
    for (place, fault) in faults.iter().enumerate() {
        let Some(canary) = fault.kind.as_kind::<Canary>() else {
            continue;
        };
        for host in &canary.hosts {
            let (other, earlier) = *first.entry(host).or_insert((place, canary));
            if watched(earlier) == watched(canary) {
                continue;
            }
            let problem = Problem::new(format!("two canaries of `{host}` are watched differently"))
                .at(&raw[place].at.span, "this one...")
                .at(&raw[other].at.span, "...and this one")
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
