//! Notes by user code, for user-defined oracles and expectations.

use serde::Serialize;
use squall_events::site::Note;

/// Adds a note to the journal of a run: `note("reserved", &Reserved { .. })`. User-defined oracles and expectations
/// read it with [`oracle::Run::notes`](squall_core::oracle::Run::notes). On real sockets it is a `tracing` event with level
/// info and target `squall::site`.
///
/// Notes by a dead process are discarded.
///
/// # Panics
/// If the value cannot be JSON: a map with keys that are not strings.
pub fn note(name: &str, value: &impl Serialize) {
    if squall_sim::process().is_some_and(|process| !process.is_alive()) {
        return;
    }
    let value = serde_json::to_string(value);
    let value = value.unwrap_or_else(|error| panic!("the note `{name}` cannot be JSON: {error}"));
    Note::say(|| Note {
        what: name.into(),
        value: value.into(),
    });
}
