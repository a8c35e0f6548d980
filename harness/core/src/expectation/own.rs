//! User-defined expectations.

use std::sync::Arc;

use super::Expectation;
use crate::custom::CustomExpect;
use crate::oracle::Run;
use crate::plan::Window;
use crate::verdict::Judged;

/// A user-defined expectation, with its window.
#[derive(Debug, Clone)]
pub struct OwnExpectation {
    /// The expectation.
    pub expect: Arc<dyn CustomExpect>,
    /// The window.
    pub window: Window,
}

impl PartialEq for OwnExpectation {
    fn eq(&self, other: &Self) -> bool {
        *self.expect == *other.expect && self.window == other.window
    }
}

impl Expectation for OwnExpectation {
    fn text(&self) -> String {
        let text = self.expect.text();
        match &*self.window.text {
            "" => text,
            window => format!("{window}: {text}"),
        }
    }

    fn window(&self) -> Option<&Window> {
        Some(&self.window)
    }

    fn judge(&self, run: &Run<'_>) -> Judged {
        let finding = self.expect.judge(run, &self.window);
        Judged {
            name: self.expect.key().to_owned(),
            text: self.text(),
            held: finding.held,
            judged: None,
            measured: finding.measured,
            value: finding.value,
            counterexample: finding.counterexample.filter(|_| !finding.held),
        }
    }

    /// Only the user's kind can know.
    fn in_vain(&self, _run: &Run<'_>) -> Option<&'static str> {
        None
    }
}
