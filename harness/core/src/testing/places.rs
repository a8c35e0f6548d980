//! Finds entries in a journal.

use crate::journal::{Entry, Event, Id};

/// The index of the first entry for which this holds.
#[track_caller]
pub fn find(entries: &[Entry], is: impl Fn(&Event) -> bool) -> usize {
    entries
        .iter()
        .position(|entry| is(&entry.event))
        .expect("no such line in the journal")
}

/// The index of a hop's start.
pub fn hop_start(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HopStarted { span, .. } if *span == id),
    )
}

/// The index of a hop's end.
pub fn hop_end(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HopEnded { span, .. } if *span == id),
    )
}

/// The index of an execution's start.
pub fn handle_start(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HandleStarted { span, .. } if *span == id),
    )
}

/// The index of an execution's end.
pub fn handle_end(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HandleEnded { span, .. } if *span == id),
    )
}

/// The index of a call's end.
pub fn call_end(entries: &[Entry], number: u64) -> usize {
    find(
        entries,
        |event| matches!(event, Event::CallEnded { call, .. } if *call == number),
    )
}
