//! Where in a journal something is.

use crate::journal::{Entry, Event, Id};

/// The place of the first line that says this.
#[track_caller]
pub(crate) fn find(entries: &[Entry], is: impl Fn(&Event) -> bool) -> usize {
    entries
        .iter()
        .position(|entry| is(&entry.event))
        .expect("no such line in the journal")
}

/// The place of the start of a hop.
pub(crate) fn hop_start(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HopStarted { span, .. } if *span == id),
    )
}

/// The place of the end of a hop.
pub(crate) fn hop_end(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HopEnded { span, .. } if *span == id),
    )
}

/// The place of the start of an execution.
pub(crate) fn handle_start(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HandleStarted { span, .. } if *span == id),
    )
}

/// The place of the end of an execution.
pub(crate) fn handle_end(entries: &[Entry], id: Id) -> usize {
    find(
        entries,
        |event| matches!(event, Event::HandleEnded { span, .. } if *span == id),
    )
}

/// The place of the end of a call.
pub(crate) fn call_end(entries: &[Entry], number: u64) -> usize {
    find(
        entries,
        |event| matches!(event, Event::CallEnded { call, .. } if *call == number),
    )
}
