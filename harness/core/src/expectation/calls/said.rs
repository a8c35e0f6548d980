//! Expectations about calls, as read from an `[[expect]]`.

use std::ops::Range;

use super::raw;
use crate::calls::all_error_classes;
use crate::expectation::{Bounds, CallsExpectation, Check, Quantile};
use crate::file::expects::{ExpectKinds, ExpectShape, Expecting, SubjectKind};
use crate::file::key::Key;
use crate::file::names::{nearest, unknown};
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::scenario::OpenExpectation;

/// The kind, as registered for files.
pub const OF_CALLS: ExpectKinds = ExpectKinds {
    subjects: &[SubjectKind::of::<CallsExpectation>()],
    wanted: &[
        Key::of::<raw::Numbers>("success_rate", "The share of calls that are ok, of 0.0 to 1.0"),
        Key::of::<raw::Integers>("calls", "How many calls"),
        Key::of::<raw::Integers>("ok", "How many calls are ok"),
        Key::of::<raw::Integers>("failed", "How many calls failed: they certainly did not happen"),
        Key::of::<raw::Integers>(
            "unknown",
            "How many calls ended without anybody knowing whether they happened",
        ),
        Key::of::<raw::Errors>("errors", "Which errors occur"),
        Key::of::<raw::Quantiles>("latency", "Quantiles of the latency of the calls that are ok"),
    ],
};

impl ExpectShape for CallsExpectation {
    const KEY: &'static str = "workload";
    const ABOUT: &'static str = "Which workload";
    const HAS_WINDOW: bool = true;
    const TAKES: &'static [&'static str] = &[
        "success_rate",
        "calls",
        "ok",
        "failed",
        "unknown",
        "errors",
        "latency",
    ];
    type Raw = String;

    /// One expectation per check.
    fn check(
        workload: &At<String>,
        said: &Expecting<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<OpenExpectation>> {
        let workloads = said.known.workloads;
        if !workloads.contains(&workload.as_str()) {
            unknown(
                "workload",
                workload,
                &workload.span,
                workloads.iter().copied(),
                problems,
            );
        }
        let checks = checks(said, problems);
        let window = said.window(problems)?;
        let expectation = |check: Check| {
            let workload = workload.value.clone();
            OpenExpectation::within(window.clone(), move |window| CallsExpectation {
                workload: workload.clone(),
                window,
                check: check.clone(),
            })
        };
        Some(checks.into_iter().map(expectation).collect())
    }
}

/// One expectation per key of the table.
fn checks(said: &Expecting<'_>, problems: &mut Problems) -> Vec<Check> {
    let before = problems.count();
    let mut checks = Vec::new();
    let wanted = said.wanted;
    if let Some(raw) = wanted.get::<raw::Numbers>("success_rate") {
        for bound in raw
            .at_least
            .iter()
            .chain(&raw.at_most)
            .filter(|bound| !(0.0..=1.0).contains(&bound.value))
        {
            let problem = Problem::new(format!("a success rate cannot be {}", bound.value))
                .at(&bound.span, "expected 0.0 to 1.0")
                .help("write 0.999 for 99.9%");
            problems.add(problem);
        }
        checks.extend(
            bounds(&raw.span, &raw.at_least, &raw.at_most, |bound| *bound, problems).map(Check::SuccessRate),
        );
    }
    let counts = [
        ("calls", Check::Calls as fn(Bounds<u64>) -> Check),
        ("ok", Check::Ok),
        ("failed", Check::Failed),
        ("unknown", Check::Unknown),
    ];
    for (key, check) in counts {
        let Some(raw) = wanted.get::<raw::Integers>(key) else {
            continue;
        };
        checks.extend(bounds(&raw.span, &raw.at_least, &raw.at_most, |bound| *bound, problems).map(check));
    }
    if let Some(raw) = wanted.get::<raw::Errors>("errors") {
        checks.extend(errors(raw, problems));
    }
    if let Some(raw) = wanted.get::<raw::Quantiles>("latency") {
        checks.extend(quantiles(raw, problems));
    }
    if checks.is_empty() && problems.count() == before {
        let problem = Problem::new("[[expect]] expects nothing")
            .at(said.span, "no check here")
            .help("add at least one of success_rate, calls, ok, failed, unknown, errors, latency");
        problems.add_missing(problem);
    }
    checks
}

fn bounds<R, T: PartialOrd>(
    span: &Range<usize>,
    at_least: &Option<At<R>>,
    at_most: &Option<At<R>>,
    value: impl Fn(&R) -> T,
    problems: &mut Problems,
) -> Option<Bounds<T>> {
    let bounds = Bounds {
        at_least: at_least.as_ref().map(|bound| value(&bound.value)),
        at_most: at_most.as_ref().map(|bound| value(&bound.value)),
    };
    match (at_least, at_most) {
        (None, None) => {
            let problem = Problem::new("these bounds bound nothing")
                .at(span, "neither `at_least` nor `at_most`")
                .help("write { at_least = ... }, { at_most = ... } or both");
            problems.add_missing(problem);
            None
        }
        (Some(least), Some(most)) if bounds.at_least > bounds.at_most => {
            let problem = Problem::new("`at_least` is more than `at_most`")
                .at(&least.span, "the lower bound")
                .at(&most.span, "the upper bound");
            problems.add(problem);
            None
        }
        _ => Some(bounds),
    }
}

fn errors(raw: &At<raw::Errors>, problems: &mut Problems) -> Vec<Check> {
    let lists = [
        (&raw.only, Check::ErrorsOnly as fn(Vec<String>) -> Check),
        (&raw.never, Check::ErrorsNever),
        (&raw.some, Check::ErrorsSome),
    ];
    if lists.iter().all(|(list, _)| list.is_none()) {
        let problem = Problem::new("`errors` says nothing of errors")
            .at(&raw.span, "one of only, never, some is missing here")
            .help(r#"write { only = ["timeout"] }, { never = [...] } or { some = [...] }"#);
        problems.add_missing(problem);
    }
    let mut checks = Vec::new();
    for (list, check) in lists {
        let Some(list) = list else { continue };
        if list.is_empty() {
            let problem = Problem::new("the list of error classes is empty")
                .at(&list.span, "expected at least one")
                .help("for no errors at all, write success_rate = { at_least = 1.0 }");
            problems.add(problem);
        }
        for class in list
            .iter()
            .filter(|class| all_error_classes().all(|known| known != class.as_str()))
        {
            let known = format!(
                "the classes are {}",
                all_error_classes().collect::<Vec<_>>().join(", ")
            );
            let problem = Problem::new(format!("there is no error class `{}`", class.value))
                .at(&class.span, "not known")
                .help(match nearest(class, all_error_classes()) {
                    Some(name) => format!("did you mean `{name}`? {known}"),
                    None => known,
                });
            problems.add(problem);
        }
        checks.push(check(list.iter().map(|class| class.value.clone()).collect()));
    }
    checks
}

fn quantiles(raw: &At<raw::Quantiles>, problems: &mut Problems) -> Vec<Check> {
    let quantiles = [
        (&raw.p50, Quantile::P50),
        (&raw.p90, Quantile::P90),
        (&raw.p99, Quantile::P99),
        (&raw.max, Quantile::Max),
    ];
    if quantiles.iter().all(|(bounds, _)| bounds.is_none()) {
        let problem = Problem::new("`latency` says nothing of latency")
            .at(&raw.span, "one of p50, p90, p99, max is missing here")
            .help(r#"write { p99 = "50ms" }"#);
        problems.add_missing(problem);
    }
    let mut checks = Vec::new();
    for (raw, quantile) in quantiles {
        let Some(raw) = raw else { continue };
        let bounds = match &raw.value {
            raw::DurationBounds::AtMost(most) => Some(Bounds {
                at_least: None,
                at_most: Some(most.0),
            }),
            raw::DurationBounds::Bounds(both) => bounds(
                &raw.span,
                &both.at_least,
                &both.at_most,
                |bound| bound.0,
                problems,
            ),
        };
        checks.extend(bounds.map(|bounds| Check::Latency { quantile, bounds }));
    }
    checks
}
