//! `[[expect]]`: the checks common to all kinds. Each kind has its own, and [`super::window`] handles time windows.

use std::ops::Range;
use std::sync::Arc;

use super::exactly_one;
use crate::custom::{Extended, SaidExpect};
use crate::file::expects::{Expecting, Known, SubjectKind};
use crate::file::raw::custom::WithCustom;
use crate::file::raw::expect as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::lists::Lists;
use crate::plan::OwnExpectation;
use crate::scenario::OpenExpectation;

/// One expectation per check.
pub(super) fn resolve(
    said: &At<WithCustom<raw::Expect, SaidExpect>>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Option<Vec<OpenExpectation>> {
    let expecting = Expecting {
        span: &said.span,
        subject: &said.subject,
        when: &said.when,
        wanted: &said.wanted,
        known,
    };
    let kinds = problems.kinds();
    let own = |key: &str| said.custom.iter().find(|own| own.key == key);
    let built_in = kinds
        .lists
        .subjects()
        .map(|kind| (kind.key.name, said.subject.span(kind.key.name)));
    let of_own = kinds.expectations.iter();
    let of_own = of_own.map(|kind| (kind.key, own(kind.key).map(|own| &own.span)));
    let keys: Vec<_> = built_in.chain(of_own).collect();
    let subject = exactly_one("[[expect]]", &said.span, &keys, problems)?;
    check_keys(subject, &expecting, kinds.lists, problems);
    let Some(own) = own(subject) else {
        let kind = kinds.lists.subjects().find(|kind| kind.key.name == subject)?;
        return (kind.check)(&expecting, problems);
    };
    let expect = Arc::clone(&own.expect);
    let own = OpenExpectation::within(expecting.window(problems)?, move |window| OwnExpectation {
        expect: Arc::clone(&expect),
        window,
    });
    Some(vec![own])
}

/// A key of an `[[expect]]`.
struct Taken<'a> {
    key: &'static str,
    place: Option<&'a Range<usize>>,
    /// Whether the expectation's subject accepts it.
    is_taken: bool,
    /// A subject that accepts it.
    by: &'static str,
}

/// Adds a problem for each key that the subject does not accept.
fn check_keys(subject: &str, said: &Expecting<'_>, lists: &Lists, problems: &mut Problems) {
    let kind = lists.subjects().find(|kind| kind.key.name == subject);
    let first = |takes: &dyn Fn(&SubjectKind) -> bool| {
        let taker = lists.subjects().find(|kind| takes(kind));
        taker.map_or("", |kind| kind.key.name)
    };
    let when = said.when.places().map(|(key, place)| Taken {
        key,
        place,
        // User-defined subjects have windows, too.
        is_taken: kind.is_none_or(|kind| kind.has_window),
        by: first(&|kind| kind.has_window),
    });
    let wanted = lists.wanted().map(|key| Taken {
        key: key.name,
        place: said.wanted.span(key.name),
        is_taken: kind.is_some_and(|kind| kind.takes.contains(&key.name)),
        by: first(&|kind| kind.takes.contains(&key.name)),
    });
    let keys: Vec<Taken<'_>> = when.into_iter().chain(wanted).collect();
    let taken: Vec<&str> = keys.iter().filter(|it| it.is_taken).map(|it| it.key).collect();
    for Taken { key, place, by, .. } in keys.iter().filter(|it| !it.is_taken) {
        let Some(place) = place else { continue };
        let whose = match kind {
            Some(_) => format!("of a {subject}"),
            None => format!("with `{subject}`"),
        };
        let problem = Problem::new(format!("an [[expect]] {whose} has no `{key}`"))
            .at(place, format!("this is for a {by}"))
            .help(format!("with `{subject}` it takes {}", taken.join(", ")));
        problems.add(problem);
    }
}
