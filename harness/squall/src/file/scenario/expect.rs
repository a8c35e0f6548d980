//! `[[expect]]`: what it is about. What it wants of calls is [`super::check`]'s, when is [`super::window`]'s.

use std::sync::Arc;
use std::time::Duration;

use super::check::checks;
use super::window::Windows;
use super::{exactly_one, of_a_provider, span};
use crate::custom::{ExpectKind, SaidExpect};
use crate::draw::Ranged;
use crate::file::names::unknown;
use crate::file::raw::custom::WithCustom;
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::Problems;
use crate::plan::{CallsExpectation, Check, OwnExpectation, Topology};
use crate::scenario::{OpenExpectation, OpenFault};

/// What an expectation may name.
pub(super) struct Known<'a> {
    pub(super) workloads: &'a [&'a str],
    pub(super) faults: &'a [OpenFault],
    pub(super) topology: &'a Topology,
    pub(super) duration: Ranged<Duration>,
}

/// One expectation for each check.
pub(super) fn resolve(
    said: &At<WithCustom<raw::Expect, SaidExpect>>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Vec<OpenExpectation>> {
    let raw = At {
        value: said.table.clone(),
        span: said.span.clone(),
    };
    let raw = &raw;
    let mut keys = vec![
        ("workload", span(&raw.workload)),
        ("provider", span(&raw.provider)),
        ("canary", span(&raw.canary)),
    ];
    let kinds = problems.kinds();
    let own = |key: &str| said.custom.iter().find(|own| own.key == key);
    let of_own = |kind: &ExpectKind| (kind.key, own(kind.key).map(|own| &own.span));
    keys.extend(kinds.expectations.iter().map(of_own));
    let subject = exactly_one("[[expect]]", &raw.span, &keys, problems)?;
    of_a_provider::check_keys(subject, raw, problems);
    if let Some(own) = own(subject) {
        let window = Windows {
            faults: known.faults,
            duration: known.duration,
            problems,
        };
        let expect = Arc::clone(&own.expect);
        return Some(vec![OpenExpectation::within(
            { window }.window(raw)?,
            move |window| OwnExpectation {
                expect: Arc::clone(&expect),
                window,
            },
        )]);
    }
    let Some(workload) = &raw.workload else {
        return of_a_provider::resolve(raw, known, problems);
    };
    if !known.workloads.contains(&workload.as_str()) {
        let names = known.workloads.iter().copied();
        unknown("workload", workload, &workload.span, names, problems);
    }
    let checks = checks(raw, problems);
    let window = Windows {
        faults: known.faults,
        duration: known.duration,
        problems,
    }
    .window(raw)?;
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
