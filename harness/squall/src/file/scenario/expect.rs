//! `[[expect]]`

use std::time::Duration;

use super::exactly_one;
use super::span;
use crate::draw::Ranged;
use crate::file::names::{nearest, unknown};
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::{Bounds, Check, Quantile};
use crate::scenario::{Moment, OpenExpectation, OpenFault};
use crate::units::Unit;

/// The classes that a call's error may have. Spec: router H-10.
pub const ERROR_CLASSES: [&str; 10] = [
    "remote_error",
    "unavailable",
    "timeout",
    "cancelled",
    "not_discovered",
    "serialization",
    "error",
    "no_module",
    "source_down",
    "caller_died",
];

/// One expectation for each check.
pub(super) fn resolve(
    raw: &At<raw::Expect>,
    workloads: &[&str],
    faults: &[OpenFault],
    duration: Ranged<Duration>,
    problems: &mut Problems,
) -> Option<Vec<OpenExpectation>> {
    if !workloads.contains(&raw.workload.as_str()) {
        unknown(
            "workload",
            &raw.workload,
            &raw.workload.span,
            workloads.iter().copied(),
            problems,
        );
    }
    let checks = checks(raw, problems);
    let window = Windows {
        faults,
        duration,
        problems,
    }
    .window(raw)?;
    let expectation = |check| OpenExpectation {
        workload: raw.workload.value.clone(),
        from: window.from,
        until: window.until,
        text: window.text.clone(),
        check,
    };
    Some(checks.into_iter().map(expectation).collect())
}

struct OpenWindow {
    from: Moment,
    until: Option<Moment>,
    text: String,
}

/// Finds out which windows are meant.
struct Windows<'a> {
    faults: &'a [OpenFault],
    duration: Ranged<Duration>,
    problems: &'a mut Problems,
}

impl Windows<'_> {
    fn window(&mut self, raw: &At<raw::Expect>) -> Option<OpenWindow> {
        let at_most_one = |keys: &[(&str, Option<&std::ops::Range<usize>>)], problems: &mut Problems| {
            let several = keys.iter().filter(|(_, span)| span.is_some()).count() > 1;
            if several {
                exactly_one("[[expect]]", &raw.span, keys, problems).map(|_| ())
            } else {
                Some(())
            }
        };
        let (during, after, from) = (span(&raw.during), span(&raw.after), span(&raw.from));
        let (before, until) = (span(&raw.before), span(&raw.until));
        at_most_one(
            &[("during", during), ("after", after), ("from", from)],
            self.problems,
        )?;
        at_most_one(
            &[("during", during), ("before", before), ("until", until)],
            self.problems,
        )?;
        if let (Some(settle), None) = (&raw.settle, &raw.after) {
            let problem = Problem::new("`settle` without `after`")
                .at(&settle.span, "after what?")
                .help("add `after`, or write `from` for a time");
            self.problems.add(problem);
        }
        if let Some(during) = &raw.during {
            let fault = self.fault(during)?;
            let until = self.faults[fault].length.map(|_| Moment::End {
                fault,
                settle: Duration::ZERO,
            });
            let from = Moment::Start { fault };
            return Some(OpenWindow {
                from,
                until,
                text: format!("during {}", during.value),
            });
        }
        let lower = self.lower(raw);
        let upper = self.upper(raw);
        let ((from, mut text), upper) = (lower?, upper?);
        let (until, upper_text) = upper.unzip();
        if let Some(upper_text) = upper_text {
            text = if text.is_empty() {
                upper_text
            } else {
                format!("{text}, {upper_text}")
            };
        }
        self.check_not_empty(raw, from, until);
        Some(OpenWindow { from, until, text })
    }

    /// Where the window begins, and how to say it.
    fn lower(&mut self, raw: &raw::Expect) -> Option<(Moment, String)> {
        if let Some(from) = &raw.from {
            return Some((Moment::Time(from.0), format!("from {}", from.0.say())));
        }
        let Some(after) = &raw.after else {
            return Some((Moment::Time(Duration::ZERO), String::new()));
        };
        let settle = raw.settle.as_ref().map(|settle| settle.0);
        let text = settle.map_or_else(
            || format!("after {}", after.value),
            |settle| format!("from {} after {}", settle.say(), after.value),
        );
        let settle = settle.unwrap_or_default();
        if let Ok(time) = Duration::parse(after) {
            return Some((Moment::Time(time + settle), text));
        }
        let fault = self.fault(after)?;
        if self.faults[fault].length.is_none() {
            let problem = Problem::new(format!("the fault `{}` has no end", after.value))
                .at(&after.span, "there is no time after it")
                .help("give the fault a `for`, or write `during`");
            self.problems.add(problem);
            return None;
        }
        Some((Moment::End { fault, settle }, text))
    }

    /// Where the window ends, and how to say it; the inner nothing is the end of the run.
    fn upper(&mut self, raw: &raw::Expect) -> Option<Option<(Moment, String)>> {
        if let Some(until) = &raw.until {
            return Some(Some((Moment::Time(until.0), format!("until {}", until.0.say()))));
        }
        let Some(before) = &raw.before else {
            return Some(None);
        };
        let moment = match Duration::parse(before) {
            Ok(time) => Moment::Time(time),
            Err(_) => Moment::Start {
                fault: self.fault(before)?,
            },
        };
        Some(Some((moment, format!("before {}", before.value))))
    }

    /// The place of a fault.
    fn fault(&mut self, name: &At<String>) -> Option<usize> {
        let place = self.faults.iter().position(|fault| fault.name == name.value);
        if place.is_none() {
            let names = self.faults.iter().map(|fault| fault.name.as_str());
            unknown("fault", name, &name.span, names, self.problems);
        }
        place
    }

    /// For no seed may there be no time at all in the window: an expectation of nothing proves nothing.
    fn check_not_empty(&mut self, raw: &At<raw::Expect>, from: Moment, until: Option<Moment>) {
        let latest = from.range(self.faults).max;
        let run_end = self.duration.min;
        let until = until.map(|until| until.range(self.faults).min);
        let earliest = until.map_or(run_end, |until| until.min(run_end));
        if latest < earliest {
            return;
        }
        let lower = span(&raw.after).or(span(&raw.from));
        let upper = span(&raw.before).or(span(&raw.until));
        let end = if until.is_some_and(|until| until <= run_end) {
            "the window"
        } else {
            "the run"
        };
        let label = format!(
            "it begins at {}, and {end} ends at {}",
            latest.say(),
            earliest.say()
        );
        let problem = Problem::new("the window of this expectation is empty")
            .at(lower.or(upper).unwrap_or(&raw.span), label)
            .help("no call can start in it: move its ends apart, for every seed");
        self.problems.add(problem);
    }
}

fn checks(raw: &At<raw::Expect>, problems: &mut Problems) -> Vec<Check> {
    let before = problems.count();
    let mut checks = Vec::new();
    if let Some(raw) = &raw.success_rate {
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
    let counts: [(_, fn(Bounds<u64>) -> Check); 4] = [
        (&raw.calls, Check::Calls),
        (&raw.ok, Check::Ok),
        (&raw.failed, Check::Failed),
        (&raw.unknown, Check::Unknown),
    ];
    for (raw, check) in counts {
        let Some(raw) = raw else { continue };
        checks.extend(bounds(&raw.span, &raw.at_least, &raw.at_most, |bound| *bound, problems).map(check));
    }
    if let Some(raw) = &raw.errors {
        checks.extend(errors(raw, problems));
    }
    if let Some(raw) = &raw.latency {
        checks.extend(quantiles(raw, problems));
    }
    if checks.is_empty() && problems.count() == before {
        let problem = Problem::new("[[expect]] expects nothing")
            .at(&raw.span, "no check here")
            .help("add at least one of success_rate, calls, ok, failed, unknown, errors, latency");
        problems.add(problem);
    }
    checks
}

fn bounds<R, T: PartialOrd>(
    span: &std::ops::Range<usize>,
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
            problems.add(problem);
            None
        }
        (Some(least), Some(most)) if bounds.at_least > bounds.at_most => {
            let problem = Problem::new("`at_least` is more than `at_most`")
                .at(&least.span, "this is the lower bound...")
                .at(&most.span, "...and this the upper one");
            problems.add(problem);
            None
        }
        _ => Some(bounds),
    }
}

fn errors(raw: &At<raw::Errors>, problems: &mut Problems) -> Vec<Check> {
    let lists: [(_, fn(Vec<String>) -> Check); 3] = [
        (&raw.only, Check::ErrorsOnly),
        (&raw.never, Check::ErrorsNever),
        (&raw.some, Check::ErrorsSome),
    ];
    if lists.iter().all(|(list, _)| list.is_none()) {
        let problem = Problem::new("`errors` says nothing of errors")
            .at(&raw.span, "one of only, never, some is missing here")
            .help(r#"write { only = ["timeout"] }, { never = [...] } or { some = [...] }"#);
        problems.add(problem);
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
            .filter(|class| !ERROR_CLASSES.contains(&class.as_str()))
        {
            let known = format!("the classes are {}", ERROR_CLASSES.join(", "));
            let problem = Problem::new(format!("there is no error class `{}`", class.value))
                .at(&class.span, "not known")
                .help(match nearest(class, ERROR_CLASSES.into_iter()) {
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
        problems.add(problem);
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
