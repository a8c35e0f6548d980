//! What an `[[expect]]` wants of a provider's state, and of the end of a canary.

use std::time::Duration;

use super::expect::Known;
use super::window::Windows;
use super::{exactly_one, provider_hosts, span};
use crate::file::names::unknown;
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::{Canary, CanaryExpectation, Provider, ProviderCheck, ProviderExpectation, Window};
use crate::scenario::OpenExpectation;
use crate::units::Unit;

/// A problem for each key that is of no use for what the expectation is about.
pub(super) fn check_keys(subject: &str, raw: &raw::Expect, problems: &mut Problems) {
    let calls = ["workload"].as_slice();
    let windows = ["workload", "provider"].as_slice();
    let provider = ["provider"].as_slice();
    let keys = [
        ("during", span(&raw.during), windows),
        ("after", span(&raw.after), windows),
        ("settle", span(&raw.settle), windows),
        ("before", span(&raw.before), windows),
        ("from", span(&raw.from), windows),
        ("until", span(&raw.until), windows),
        ("success_rate", span(&raw.success_rate), calls),
        ("calls", span(&raw.calls), calls),
        ("ok", span(&raw.ok), calls),
        ("failed", span(&raw.failed), calls),
        ("unknown", span(&raw.unknown), calls),
        ("errors", span(&raw.errors), calls),
        ("latency", span(&raw.latency), calls),
        ("manager", span(&raw.manager), provider),
        ("becomes", span(&raw.becomes), provider),
        ("never", span(&raw.never), provider),
        ("within", span(&raw.within), &["provider", "canary"]),
        ("ends", span(&raw.ends), &["canary"]),
    ];
    // Custom ones have windows, too.
    let is_custom = !["workload", "provider", "canary"].contains(&subject);
    let takes = |of: &[&str]| of.contains(&subject) || (is_custom && of == windows);
    let taken: Vec<&str> = keys
        .iter()
        .filter(|(_, _, of)| takes(of))
        .map(|(key, ..)| *key)
        .collect();
    for (key, place, of) in keys {
        let Some(place) = place.filter(|_| !takes(of)) else {
            continue;
        };
        let whose = match is_custom {
            true => format!("with `{subject}`"),
            false => format!("of a {subject}"),
        };
        let problem = Problem::new(format!("an [[expect]] {whose} has no `{key}`"))
            .at(place, format!("this is for a {}", of[0]))
            .help(format!("with `{subject}` it takes {}", taken.join(", ")));
        problems.add(problem);
    }
}

/// An expectation of a provider or of a canary.
pub(super) fn resolve(
    raw: &At<raw::Expect>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Vec<OpenExpectation>> {
    let expectation = match (&raw.provider, &raw.canary) {
        (Some(name), _) => of_a_provider(name, raw, known, problems),
        (None, Some(fault)) => of_a_canary(fault, raw, known, problems),
        (None, None) => None,
    };
    expectation.map(|expectation| vec![expectation])
}

fn of_a_provider(
    name: &At<String>,
    raw: &At<raw::Expect>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<OpenExpectation> {
    let found = provider_hosts(name, known.topology, problems);
    let managers = found
        .as_ref()
        .and_then(|(provider, _)| managers(raw, provider, problems));
    let keys = [("becomes", span(&raw.becomes)), ("never", span(&raw.never))];
    let check = exactly_one("[[expect]] of a provider", &raw.span, &keys, problems);
    if let (Some(within), Some(never)) = (&raw.within, &raw.never) {
        let problem = Problem::new("`within` without `becomes`")
            .at(&within.span, "within this time...")
            .at(&never.span, "...nothing has to happen")
            .help("write `until` or `during` for the time in which it must never be so");
        problems.add(problem);
    }
    if let Some(within) = raw.within.as_ref().filter(|within| within.0.is_zero()) {
        problems.add(Problem::new("`within` is 0").at(&within.span, "expected more than 0"));
    }
    let windows = Windows {
        faults: known.faults,
        duration: known.duration,
        problems,
    }
    .window(raw);
    let (_, hosts) = found?;
    check?;
    let check = match (&raw.becomes, &raw.never) {
        (Some(state), _) => ProviderCheck::Becomes(state.0),
        (None, state) => ProviderCheck::Never(state.as_ref()?.0),
    };
    let (name, managers) = (name.value.clone(), managers?);
    let within = raw.within.as_ref().map(|within| within.0);
    Some(OpenExpectation::within(windows?, move |window| {
        ProviderExpectation {
            name: name.clone(),
            hosts: hosts.clone(),
            managers: managers.clone(),
            window: first_part(window, within),
            check,
        }
    }))
}

/// The window's first part.
fn first_part(window: Window, within: Option<Duration>) -> Window {
    let Some(within) = within else { return window };
    let end = window.from + within;
    let space = if window.text.is_empty() { "" } else { " " };
    Window {
        from: window.from,
        until: Some(window.until.map_or(end, |until| until.min(end))),
        text: format!("within {}{space}{}", within.say(), window.text),
    }
}

/// Those whose view is asked for.
fn managers(raw: &raw::Expect, provider: &Provider, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(manager) = &raw.manager else {
        return Some(provider.managers.clone());
    };
    if !provider.managers.contains(&manager.value) {
        let known = provider.managers.iter().map(String::as_str);
        unknown(
            "manager of that provider",
            manager,
            &manager.span,
            known,
            problems,
        );
        return None;
    }
    Some(vec![manager.value.clone()])
}

fn of_a_canary(
    name: &At<String>,
    raw: &At<raw::Expect>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<OpenExpectation> {
    let mut canaries = (0_u32..)
        .zip(known.faults)
        .filter_map(|(place, fault)| Some((place, fault.name.as_str(), fault.kind.as_kind::<Canary>()?)));
    let all = canaries.clone().map(|(_, name, _)| name);
    let found = canaries.find(|(_, other, _)| *other == name.value);
    if found.is_none() {
        unknown("canary", name, &name.span, all, problems);
    }
    let Some(ends) = &raw.ends else {
        let problem = Problem::new("[[expect]] expects nothing of the canary")
            .at(&raw.span, "`ends` is missing here")
            .help(r#"write ends = "promoted", "rolled_back" or "partial_failure""#);
        problems.add_missing(problem);
        return None;
    };
    let (fault, name, canary) = found?;
    Some(OpenExpectation::exactly(CanaryExpectation {
        fault,
        name: name.to_owned(),
        hosts: canary.hosts.clone(),
        ends: ends.0,
        within: raw.within.as_ref().map(|within| within.0),
    }))
}
