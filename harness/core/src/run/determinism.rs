//! Compares two runs of one plan.

use std::fmt;

use squall_sim::TracePoint;

use super::Run;
use crate::journal::Entry;
use crate::time;

/// Where two runs of one plan first differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Virtual nanoseconds.
    pub at: u64,
    /// The event in the first run.
    pub one: String,
    /// The event in the second.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { at, one, other } = self;
        write!(
            f,
            "at {}:\n  in one run    {one}\n  in the other  {other}",
            time::instant(*at)
        )
    }
}

/// The first event that differs between two runs: a segment, or a journal entry.
pub fn compare(one: &Run, other: &Run) -> Option<Difference> {
    if one.digest == other.digest {
        return None;
    }
    let line = first_difference(&one.journal.entries, &other.journal.entries);
    let line = line.map(|(a, b)| Difference {
        at: a.or(b).map_or(0, |entry| entry.at),
        one: describe_line(a),
        other: describe_line(b),
    });
    let segment = first_difference(&one.trace, &other.trace);
    let segment = segment.map(|(a, b)| Difference {
        at: a.or(b).map_or(0, |point| point.at),
        one: describe_segment(one, a),
        other: describe_segment(other, b),
    });
    // A journal entry is more informative than a segment of the same instant.
    let earliest = line
        .into_iter()
        .chain(segment)
        .min_by_key(|difference| difference.at);
    Some(earliest.unwrap_or_else(|| Difference {
        at: 0,
        one: format!("digest {:016x}", one.digest),
        other: format!("digest {:016x}", other.digest),
    }))
}

fn first_difference<'a, T: PartialEq>(
    one: &'a [T],
    other: &'a [T],
) -> Option<(Option<&'a T>, Option<&'a T>)> {
    let place = one.iter().zip(other).position(|(a, b)| a != b);
    let place = place.unwrap_or(one.len().min(other.len()));
    let pair = (one.get(place), other.get(place));
    (pair != (None, None)).then_some(pair)
}

fn describe_line(entry: Option<&Entry>) -> String {
    entry.map_or_else(
        || "nothing".to_owned(),
        |entry| serde_json::to_string(entry).unwrap_or_else(|error| format!("{entry:?} ({error})")),
    )
}

fn describe_segment(run: &Run, point: Option<&TracePoint>) -> String {
    let host = |number: u32| match (number as usize)
        .checked_sub(1)
        .and_then(|place| run.addresses.get(place))
    {
        Some((name, _)) => name.clone(),
        None => format!("host {number}"),
    };
    point.map_or_else(
        || "nothing".to_owned(),
        |it| {
            let (kind, from, to) = (it.kind(), host(it.from), host(it.to));
            format!(
                "segment: {kind} of {} bytes on connection {}, {from} -> {to}",
                it.bytes, it.flow
            )
        },
    )
}
