//! Reports of a run: as text ([`text()`], [`summary()`]) and as JSON ([`json()`], [`mod@bench`]).

pub mod bench;
mod clean;
mod json;
pub mod table;
mod text;
mod wrap;

use std::time::Duration;

use serde_json::Value;

use crate::run::PanicSite;

pub use clean::{clean, clean_json, clean_lines, masked, shell_word};
pub use json::json;
pub use json::micros;
pub use text::{banner, summary, text};
pub use text::{incident, plural};
pub use wrap::wrapped;

/// Report data that is in neither plan nor journal.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The scenario's name.
    pub scenario: String,
    /// The topology's name.
    pub topology: String,
    /// The seed.
    pub seed: u64,
    /// Virtual duration of the run.
    pub virtual_time: Duration,
    /// Wall-clock duration of the run.
    pub wall_time: Duration,
    /// The digest of the run, in hexadecimal.
    pub digest: String,
    /// The engine: `flow`, `turmoil`.
    pub engine: &'static str,
    /// The scenario's file; empty if there is none.
    pub file: String,
    /// Where code panicked.
    pub panics: Vec<PanicSite>,
    /// The command that replays it: `squall run scenarios/a.toml --seed 7`.
    pub replay: String,
}

impl RunSummary {
    /// The places where code panicked with this message, or with a part of it.
    pub(crate) fn panics_of(&self, message: &str) -> impl Iterator<Item = &PanicSite> {
        let is_its = move |site: &&PanicSite| site.message == message || message.contains(&*site.message);
        self.panics.iter().filter(is_its)
    }
}

/// A system's own section of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemSection {
    /// Its key in `--json`.
    pub key: &'static str,
    /// The JSON value, even if empty.
    pub value: Value,
    /// The text lines. Without any, it is not shown.
    pub lines: Vec<String>,
}

/// The text style.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether verdicts are coloured (ANSI escape sequences).
    pub colours: bool,
}

#[cfg(test)]
mod tests;
