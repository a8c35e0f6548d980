//! User-defined report sections.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::oracle;

/// A table of a report, derived from a run's evidence. See `squall::Harness::section`.
///
/// Columns whose cells all begin with a digit are right-aligned. In `--json` a section is a list of objects under its
/// first heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Section {
    /// A section without rows. It is only shown if rows are added.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Section {
            headings: headings.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Missing cells are empty, surplus cells are dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
        self
    }
}

/// Builds a user-defined section.
pub type Sections = Vec<Arc<dyn Fn(&oracle::Run<'_>) -> Section + Send + Sync + UnwindSafe + RefUnwindSafe>>;
