//! A run, for people ([`text()`], [`summary()`]) and for programs ([`json()`], [`mod@bench`]).

pub mod bench;
mod clean;
mod json;
pub(crate) mod table;
mod text;
mod wrap;

use std::time::Duration;

use serde_json::Value;

use crate::run::PanicSite;

pub(crate) use clean::{clean, clean_json, clean_lines, masked, shell_word};
pub use json::json;
pub(crate) use json::micros;
pub use text::{banner, summary, text};
pub(crate) use text::{incident, plural};
pub(crate) use wrap::wrapped;

/// What a report says of a run that is in neither its plan nor its journal.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The scenario's name.
    pub scenario: String,
    /// The topology's name.
    pub topology: String,
    /// The seed.
    pub seed: u64,
    /// How long the run took inside.
    pub virtual_time: Duration,
    /// How long it took outside, by the wall clock.
    pub wall_time: Duration,
    /// The proof of the run, in hexadecimal digits.
    pub digest: String,
    /// What carried the bytes: `flow`, `turmoil`.
    pub engine: &'static str,
    /// The scenario's file; empty when it is of none.
    pub file: String,
    /// Where code panicked.
    pub panics: Vec<PanicSite>,
    /// The one command that does it again: `squall run scenarios/a.toml --seed 7`.
    pub replay: String,
}

impl RunSummary {
    /// The places where code panicked with this message, or whose message is part of it.
    pub(crate) fn panics_of(&self, message: &str) -> impl Iterator<Item = &PanicSite> {
        let is_its = move |site: &&PanicSite| site.message == message || message.contains(&*site.message);
        self.panics.iter().filter(is_its)
    }
}

/// What a system says of its own in a report, beside what is counted of every system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemSection {
    /// Its key in `--json`.
    pub key: &'static str,
    /// What is there, also when that is nothing.
    pub value: Value,
    /// The same for people. Without a line it is not shown.
    pub lines: Vec<String>,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether what held and what broke is in colour (ANSI escape sequences).
    pub colours: bool,
}

#[cfg(test)]
mod tests;
