//! Converts the raw scenario to a [`Scenario`]: resolves names, and checks that times are in order for every seed.

mod expect;
mod fault;
pub(super) mod window;
mod workload;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::expects::Known;
use super::names::Names;
use super::raw::scenario as raw;
use super::read::At;
use super::report::{Problem, Problems};
use crate::custom::Extended;
use crate::draw::Ranged;
use crate::plan::{Ratio, Topology};
use crate::scenario::Scenario;
use crate::units::Unit;

/// The default: far more than a run of one minute at full speed needs.
const WALL_LIMIT_DEFAULT: Duration = Duration::from_secs(60);

/// Resolves the names in a scenario. `None` if it is too broken to continue. Problems may be added in either case.
pub(crate) fn resolve(
    raw: raw::Scenario,
    topology: Arc<Topology>,
    components: &Names,
    problems: &mut Problems,
) -> Option<Scenario> {
    not_zero("duration", Some(&raw.duration), problems);
    if let Some(limit) = raw.wall_limit.as_ref().filter(|limit| limit.0.is_zero()) {
        problems.add(Problem::new("`wall_limit` is 0").at(&limit.span, "expected more than 0"));
    }
    let duration = raw.duration.value;
    let raw_workloads = raw.workload.unwrap_or_default();
    let raw_faults = raw.fault.unwrap_or_default();
    unique(
        "workload",
        raw_workloads.iter().map(|workload| &workload.source.name),
        problems,
    );
    unique(
        "fault",
        raw_faults.iter().filter_map(|fault| fault.name.as_ref()),
        problems,
    );

    let workloads = all(&raw_workloads, |_, raw| {
        workload::resolve(raw, (&topology, components), duration, problems)
    });
    let faults = all(&raw_faults, |place, raw| {
        fault::resolve(place, raw, &topology, duration, problems)
    });
    if let Some(faults) = &faults {
        fault::check_overlaps(&raw_faults, faults, problems);
        let places = raw_faults.iter().map(|raw| &raw.at.span);
        let placed: Vec<_> = faults.iter().zip(places).collect();
        for check in components.kinds().lists.faults_together {
            check(&placed, problems);
        }
    }
    // Windows depend on the faults.
    let faults = faults?;
    let names: Vec<&str> = raw_workloads
        .iter()
        .map(|workload| workload.source.name.as_str())
        .collect();
    let known = Known {
        workloads: &names,
        faults: &faults,
        topology: &topology,
        duration,
    };
    let expectations = all(&raw.expect.unwrap_or_default(), |_, raw| {
        expect::resolve(raw, &known, problems)
    });
    Some(Scenario {
        name: raw.name.value,
        description: raw.description.map(|description| description.value),
        topology,
        seed: raw.seed.map_or(0, |seed| seed.value),
        duration,
        wall_limit: raw.wall_limit.map_or(WALL_LIMIT_DEFAULT, |limit| limit.value.0),
        interleave: raw
            .interleave
            .map_or(Ranged::exactly(Ratio::ZERO), |interleave| interleave.value),
        workloads: workloads?,
        expectations: expectations?.into_iter().flatten().collect(),
        faults,
    })
}

/// All of `raw`, or `None`. Each is resolved even after a failure, to report all problems.
fn all<R, T>(raw: &[R], mut resolve: impl FnMut(usize, &R) -> Option<T>) -> Option<Vec<T>> {
    let resolved: Vec<Option<T>> = raw
        .iter()
        .enumerate()
        .map(|(place, raw)| resolve(place, raw))
        .collect();
    resolved.into_iter().collect()
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a At<String>>, problems: &mut Problems) {
    let mut seen: IndexMap<&str, &Range<usize>> = IndexMap::new();
    for name in names {
        if let Some(other) = seen.insert(name.as_str(), &name.span) {
            let problem = Problem::new(format!("two {what}s are called `{}`", name.value))
                .at(&name.span, "again here")
                .at(other, "first here")
                .help("expectations and reports tell them apart by name: rename one of them");
            problems.add(problem);
        }
    }
}

/// Adds a problem if a seed could draw zero.
pub(crate) fn not_zero(key: &str, range: Option<&At<Ranged<Duration>>>, problems: &mut Problems) {
    if let Some(range) = range.filter(|range| range.min.is_zero()) {
        problems.add(Problem::new(format!("`{key}` is 0")).at(&range.span, "expected more than 0"));
    }
}

/// Adds a problem if a seed could draw a time at or after the run's end.
fn before_end(
    what: &str,
    at: Option<&At<Ranged<Duration>>>,
    duration: Ranged<Duration>,
    problems: &mut Problems,
) {
    if let Some(at) = at.filter(|at| at.max >= duration.min) {
        let problem = Problem::new(format!("{what} when the run is over"))
            .at(&at.span, format!("the run ends at {}", duration.min.say()))
            .help("choose an earlier time, or a longer `duration`");
        problems.add(problem);
    }
}

/// The only present key of `keys`. Adds a problem unless there is exactly one.
pub fn exactly_one<'a>(
    table: &str,
    span: &Range<usize>,
    keys: &[(&'a str, Option<&Range<usize>>)],
    problems: &mut Problems,
) -> Option<&'a str> {
    let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    let given: Vec<_> = keys
        .iter()
        .filter_map(|(key, span)| Some((*key, (*span)?)))
        .collect();
    let one_of = format!("write one of {}", names.join(", "));
    match given[..] {
        [] => {
            let problem = Problem::new(format!("{table} lacks one of {}", names.join(", ")));
            problems.add_missing(problem.at(span, "one of them is missing here").help(one_of));
            None
        }
        [(key, _)] => Some(key),
        [(first, _), (second, _), ..] => {
            let mut problem = Problem::new(format!("{table} has both `{first}` and `{second}`"));
            // The mistake is usually the later one.
            let mut given = given.clone();
            given.sort_by_key(|(_, span)| std::cmp::Reverse(span.start));
            for (key, span) in given {
                problem = problem.at(span, format!("this is `{key}`"));
            }
            problems.add(problem.help(one_of));
            None
        }
    }
}

/// The position of a key's value, if present.
pub(crate) fn span<T>(value: &Option<At<T>>) -> Option<&Range<usize>> {
    value.as_ref().map(|value| &value.span)
}
