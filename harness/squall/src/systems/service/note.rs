//! What code of a user's own says of itself, for oracles and expectations of a user's own.

use serde::Serialize;
use squall_events::site::Note;

/// Says something, for the journal of a run: `note("reserved", &Reserved { .. })`. Oracles and expectations of your own
/// read it with [`oracle::Run::notes`](crate::oracle::Run::notes). On real sockets it is a `tracing` event of the level
/// info, with the target `squall::site`.
///
/// A process that is dead says nothing any more.
///
/// # Panics
/// When the value cannot be JSON: a map whose keys are no strings.
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
