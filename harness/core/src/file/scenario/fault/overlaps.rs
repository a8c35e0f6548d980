//! Faults that must not overlap.
//!
//! A host is in one state at a time: up, down or paused. A node is in one place, and a module has one announcement. So
//! two faults that change the same state must not overlap for any seed.

use std::collections::HashSet;
use std::ops::Range;

use crate::faults::Subject;
use crate::file::raw::fault as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::scenario::OpenFault;
use crate::units::Unit;

pub(in crate::file::scenario) fn check(
    raw: &[At<raw::Fault>],
    faults: &[OpenFault],
    problems: &mut Problems,
) {
    let mut earlier: Vec<(usize, HashSet<&Subject>)> = Vec::new();
    for (place, fault) in faults.iter().enumerate() {
        let subjects = fault.kind.subjects();
        if subjects.is_empty() {
            continue;
        }
        for (other, other_subjects) in earlier
            .iter()
            .filter(|(other, _)| may_touch(&faults[*other], fault))
        {
            if let Some(subject) = subjects.iter().find(|it| other_subjects.contains(*it)) {
                let first = (&faults[*other], &raw[*other].at.span);
                problems.add(overlap(subject, first, (fault, &raw[place].at.span)));
            }
        }
        earlier.push((place, subjects.iter().collect()));
    }
}

fn may_touch(one: &OpenFault, other: &OpenFault) -> bool {
    let begins_in_time =
        |one: &OpenFault, other: &OpenFault| other.end().is_none_or(|end| one.at.min <= end.max);
    begins_in_time(one, other) && begins_in_time(other, one)
}

fn overlap(
    subject: &Subject,
    first: (&OpenFault, &Range<usize>),
    second: (&OpenFault, &Range<usize>),
) -> Problem {
    let when = |fault: &OpenFault| {
        let end = fault
            .end()
            .map_or("the end of the run".to_owned(), |end| end.max.say());
        format!("`{}` lasts from {} to {end}", fault.name, fault.at.min.say())
    };
    let Subject { name, rule } = subject;
    Problem::new(format!(
        "`{}` and `{}` may strike `{name}` at the same time",
        first.0.name, second.0.name
    ))
    .at(second.1, when(second.0))
    .at(first.1, when(first.0))
    .help(format!("{rule}: leave time between them, for every seed"))
}
