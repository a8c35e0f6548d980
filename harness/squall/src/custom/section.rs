//! Sections of a report that a user adds.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::oracle;

/// A table of a report, derived from a run's evidence. See [`Harness::section`](crate::Harness::section).
///
/// A column in which all cells begin with a digit is aligned to the right. In `--json` a section is a list of objects
/// under its first heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Section {
    /// Without rows: a section that stays so is not shown.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Section {
            headings: headings.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells that are missing are empty, those that are too many are left out.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
        self
    }
}

/// What makes the sections of a harness' own.
pub(crate) type Sections =
    Vec<Arc<dyn Fn(&oracle::Run<'_>) -> Section + Send + Sync + UnwindSafe + RefUnwindSafe>>;
