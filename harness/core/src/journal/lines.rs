//! A journal as JSON Lines: one entry per line. Reading returns exactly what was written.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Entry, EventKind, Journal};

/// Why a file is not a journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("line {line} of the journal cannot be read")]
    Io {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is not a journal entry. Often the last line of a run that was cut short.
    #[error("line {line} is not a journal entry")]
    Malformed {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// Lines are missing, duplicated or out of order: nothing derived from such a journal is valid.
    #[error("line {line} has number {found} where {expected} should be")]
    Numbering {
        /// Counted from 1.
        line: u64,
        /// The number that follows the previous line's.
        expected: u64,
        /// The number in the line.
        found: u64,
    },
    /// Virtual time never goes back.
    #[error("line {line} happened before the line above it")]
    Backwards {
        /// Counted from 1.
        line: u64,
    },
}

/// Writes every entry as one line. Give it a buffered writer; it is flushed.
///
/// # Errors
/// When the writer fails.
pub fn write<W: Write>(journal: &Journal, mut writer: W) -> io::Result<()> {
    for entry in &journal.entries {
        serde_json::to_writer(&mut writer, entry)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()
}

/// A line as it is written.
#[derive(Deserialize)]
struct Line {
    at: u64,
    number: u64,
    host: Arc<str>,
    event: Value,
}

fn entry_of(text: &str, events: &[EventKind]) -> serde_json::Result<Entry> {
    let line: Line = serde_json::from_str(text)?;
    let kind = line.event.get("kind").and_then(Value::as_str).unwrap_or_default();
    let of_system = events.iter().find(|event| event.kinds.contains(&kind));
    let event = match of_system {
        Some(event) => (event.read)(line.event)?,
        None => serde_json::from_value(line.event)?,
    };
    Ok(Entry {
        at: line.at,
        number: line.number,
        host: line.host,
        event,
    })
}

/// Reads a whole journal of systems with these events, and checks that no line is missing and that time does not go back.
///
/// # Errors
/// Reports the first invalid line.
pub fn read_with<R: BufRead>(reader: R, events: &[EventKind]) -> Result<Journal, Error> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, text) in (1..).zip(reader.lines()) {
        let text = text.map_err(|source| Error::Io { line, source })?;
        let entry = entry_of(&text, events).map_err(|source| Error::Malformed { line, source })?;
        let expected = line - 1;
        if entry.number != expected {
            return Err(Error::Numbering {
                line,
                expected,
                found: entry.number,
            });
        }
        if entries.last().is_some_and(|before| before.at > entry.at) {
            return Err(Error::Backwards { line });
        }
        entries.push(entry);
    }
    Ok(Journal { entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Id, Touch};
    use crate::testing::Script;

    fn text(journal: &Journal) -> String {
        let mut bytes = Vec::new();
        write(journal, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut script = Script::new();
        script.chain(1);
        script.push(
            "",
            Event::Segment {
                touch: Touch::Held,
                flow: 3,
                from: "front".into(),
                to: "back".into(),
                bytes: 17,
                faults: vec![0, 2],
            },
        );
        let (_, journal) = script.finish();
        let written = text(&journal);
        assert_eq!(written.lines().count(), journal.entries.len());
        assert_eq!(
            read_with(written.as_bytes(), &[]).unwrap().entries,
            journal.entries
        );
    }

    #[test]
    fn a_line_says_its_kind_and_writes_identifiers_as_sixteen_digits() {
        let entry = Entry {
            at: 5,
            number: 0,
            host: "back".into(),
            event: Event::HandleEnded {
                span: Id(0xab),
                how: crate::journal::Handling::Ok,
                error: "".into(),
                bytes: 2,
                digest: Id(u64::MAX),
            },
        };
        let journal = Journal { entries: vec![entry] };
        assert_eq!(
            text(&journal),
            "{\"at\":5,\"number\":0,\"host\":\"back\",\"event\":{\"kind\":\"handle_ended\",\
             \"span\":\"00000000000000ab\",\"how\":\"ok\",\"error\":\"\",\"bytes\":2,\
             \"digest\":\"ffffffffffffffff\"}}\n"
        );
    }

    #[test]
    fn a_missing_line_is_noticed() {
        let (_, journal) = Script::new().finish();
        let written = text(&journal);
        let without_first = written.split_once('\n').unwrap().1;
        let error = read_with(without_first.as_bytes(), &[]).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Numbering {
                    line: 1,
                    expected: 0,
                    found: 1
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_line_that_was_cut_short_is_named() {
        let (_, journal) = Script::new().finish();
        let written = text(&journal);
        let error = read_with(&written.as_bytes()[..written.len() - 5], &[]).unwrap_err();
        assert!(matches!(error, Error::Malformed { line: 2, .. }), "{error}");
    }

    #[test]
    fn time_that_goes_back_is_noticed() {
        let (_, mut journal) = Script::new().finish();
        journal.entries[0].at = u64::MAX;
        let error = read_with(text(&journal).as_bytes(), &[]).unwrap_err();
        assert!(matches!(error, Error::Backwards { line: 2 }), "{error}");
    }
}
