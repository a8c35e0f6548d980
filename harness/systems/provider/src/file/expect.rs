//! Expectations about a provider's state, and about the end of a canary, as read from an `[[expect]]`.

use std::time::Duration;

use squall_core::file::choice::Word;
use squall_core::file::expects::{ExpectShape, Expecting};
use squall_core::file::key::Key;
use squall_core::file::names::unknown;
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::scenario::exactly_one;
use squall_core::file::value::Exact;
use squall_core::plan::Window;
use squall_core::scenario::OpenExpectation;
use squall_core::units::Unit;

use super::hosts::provider_hosts;
use crate::expectations::{CanaryExpectation, ProviderCheck, ProviderExpectation};
use crate::plan::{Canary, CanaryEnd, Provider, ProviderState};

/// The check keys of providers and canaries.
pub(crate) const WANTED: &[Key] = &[
    Key::of::<String>(
        "manager",
        "Of a provider, only as this manager sees it. As all of its managers do when absent",
    ),
    Key::of::<Word<ProviderState>>(
        "becomes",
        "Of a provider: it is in this state when the window begins, or comes to be",
    ),
    Key::of::<Word<ProviderState>>("never", "Of a provider: it is never in this state"),
    Key::of::<Exact<Duration>>(
        "within",
        "With `becomes`: after so much of the window. With `ends`: so long after the canary began",
    ),
    Key::of::<Word<CanaryEnd>>("ends", "Of a canary: how it ends"),
];

impl ExpectShape for ProviderExpectation {
    const KEY: &'static str = "provider";
    const ABOUT: &'static str =
        "Instead of `workload`: which provider, with all of its hosts, or which host of one";
    const HAS_WINDOW: bool = true;
    const TAKES: &'static [&'static str] = &["manager", "becomes", "never", "within"];
    type Raw = String;

    fn check(
        name: &At<String>,
        said: &Expecting<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<OpenExpectation>> {
        of_a_provider(name, said, problems).map(|expectation| vec![expectation])
    }
}

impl ExpectShape for CanaryExpectation {
    const KEY: &'static str = "canary";
    const ABOUT: &'static str = "Instead of `workload`: which canary, by the name of its fault";
    const HAS_WINDOW: bool = false;
    const TAKES: &'static [&'static str] = &["within", "ends"];
    type Raw = String;

    fn check(
        fault: &At<String>,
        said: &Expecting<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<OpenExpectation>> {
        of_a_canary(fault, said, problems).map(|expectation| vec![expectation])
    }
}

fn of_a_provider(
    name: &At<String>,
    said: &Expecting<'_>,
    problems: &mut Problems,
) -> Option<OpenExpectation> {
    let wanted = said.wanted;
    let state = |key: &str| wanted.get::<Word<ProviderState>>(key);
    let (becomes, never) = (state("becomes"), state("never"));
    let within = wanted.get::<Exact<Duration>>("within");
    let found = provider_hosts(name, said.known.topology, problems);
    let managers = found
        .as_ref()
        .and_then(|(provider, _)| managers(said, provider, problems));
    let keys = [
        ("becomes", wanted.span("becomes")),
        ("never", wanted.span("never")),
    ];
    let check = exactly_one("[[expect]] of a provider", said.span, &keys, problems);
    if let (Some(within), Some(never)) = (within, never) {
        let problem = Problem::new("`within` without `becomes`")
            .at(&within.span, "within this time...")
            .at(&never.span, "...nothing has to happen")
            .help("write `until` or `during` for the time in which it must never be so");
        problems.add(problem);
    }
    if let Some(within) = within.filter(|within| within.0.is_zero()) {
        problems.add(Problem::new("`within` is 0").at(&within.span, "expected more than 0"));
    }
    let window = said.window(problems);
    let (_, hosts) = found?;
    check?;
    let check = match (becomes, never) {
        (Some(state), _) => ProviderCheck::Becomes(state.0),
        (None, state) => ProviderCheck::Never(state?.0),
    };
    let (name, managers) = (name.value.clone(), managers?);
    let within = within.map(|within| within.0);
    Some(OpenExpectation::within(window?, move |window| {
        ProviderExpectation {
            name: name.clone(),
            hosts: hosts.clone(),
            managers: managers.clone(),
            window: first_part(window, within),
            check,
        }
    }))
}

/// The first part of the window.
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

/// The managers whose view is checked.
fn managers(said: &Expecting<'_>, provider: &Provider, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(manager) = said.wanted.get::<String>("manager") else {
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

fn of_a_canary(name: &At<String>, said: &Expecting<'_>, problems: &mut Problems) -> Option<OpenExpectation> {
    let mut canaries = (0_u32..)
        .zip(said.known.faults)
        .filter_map(|(place, fault)| Some((place, fault.name.as_str(), fault.kind.as_kind::<Canary>()?)));
    let all = canaries.clone().map(|(_, name, _)| name);
    let found = canaries.find(|(_, other, _)| *other == name.value);
    if found.is_none() {
        unknown("canary", name, &name.span, all, problems);
    }
    let Some(ends) = said.wanted.get::<Word<CanaryEnd>>("ends") else {
        let problem = Problem::new("[[expect]] expects nothing of the canary")
            .at(said.span, "`ends` is missing here")
            .help(r#"write ends = "promoted", "rolled_back" or "partial_failure""#);
        problems.add_missing(problem);
        return None;
    };
    let (fault, name, canary) = found?;
    let within = said.wanted.get::<Exact<Duration>>("within");
    Some(OpenExpectation::exactly(CanaryExpectation {
        fault,
        name: name.to_owned(),
        hosts: canary.hosts.clone(),
        ends: ends.0,
        within: within.map(|within| within.0),
    }))
}
