//! User-defined expectations.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::read::read;
use crate::file;
use crate::file::report::Problems;
use crate::file::settings::Sort;
use crate::oracle::{Run, Violation};
use crate::plan::Window;

/// A user-defined expectation: a key of `[[expect]]`, added with `squall::Harness::expectation`.
/// Its fields are the fields of the key's value.
///
/// ```
/// use serde::Deserialize;
/// use squall::oracle::Run;
/// use squall::plan::Window;
/// use squall::schemars::JsonSchema;
/// use squall::{CustomExpectation, Finding, Harness};
///
/// /// So many notes of a name.
/// #[derive(Debug, Clone, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// #[schemars(crate = "squall::schemars")]
/// struct Notes {
///     /// Their name.
///     name: String,
///     /// At most.
///     at_most: usize,
/// }
///
/// impl CustomExpectation for Notes {
///     const KEY: &'static str = "notes";
///
///     fn text(&self) -> String {
///         format!("at most {} notes `{}`", self.at_most, self.name)
///     }
///
///     fn judge(&self, run: &Run<'_>, window: &Window) -> Finding {
///         let notes = run.notes().filter(|note| note.name == self.name && window.contains(note.at));
///         let count = notes.count();
///         Finding::new(count <= self.at_most).measured(format!("is {count}"))
///     }
/// }
///
/// let harness = Harness::new().expectation::<Notes>();
/// # drop(harness);
/// ```
pub trait CustomExpectation:
    DeserializeOwned + JsonSchema + Clone + fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static
{
    /// The key of `[[expect]]`.
    const KEY: &'static str;

    /// A statement for reports; Squall adds the window.
    fn text(&self) -> String;

    /// Judges the events of a run within the window. A pure function of the run.
    fn judge(&self, run: &Run<'_>, window: &Window) -> Finding;
}

/// The result of a [`CustomExpectation`].
#[derive(Debug, Clone)]
pub struct Finding {
    pub(crate) held: bool,
    pub(crate) measured: String,
    pub(crate) value: Value,
    pub(crate) counterexample: Option<Violation>,
}

impl Finding {
    /// Whether it held.
    #[must_use]
    pub fn new(held: bool) -> Self {
        Finding {
            held,
            measured: String::new(),
            value: Value::Null,
            counterexample: None,
        }
    }

    /// The measured value, as a phrase that follows the statement: `is 5`.
    #[must_use]
    pub fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured = measured.into();
        self
    }

    /// The measured value, for JSON reports.
    #[must_use]
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.value = value.into();
        self
    }

    /// The first violation.
    #[must_use]
    pub fn counterexample(mut self, violation: Option<Violation>) -> Self {
        self.counterexample = violation;
        self
    }
}

/// An object-safe [`CustomExpectation`].
pub trait CustomExpect: Any + fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// See [`CustomExpectation::KEY`].
    fn key(&self) -> &'static str;
    /// See [`CustomExpectation::text`].
    fn text(&self) -> String;
    /// See [`CustomExpectation::judge`].
    fn judge(&self, run: &Run<'_>, window: &Window) -> Finding;
}

impl<E: CustomExpectation> CustomExpect for E {
    fn key(&self) -> &'static str {
        E::KEY
    }

    fn text(&self) -> String {
        CustomExpectation::text(self)
    }

    fn judge(&self, run: &Run<'_>, window: &Window) -> Finding {
        CustomExpectation::judge(self, run, window)
    }
}

/// Equal if both have the same kind and the same values.
impl PartialEq for dyn CustomExpect {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && format!("{self:?}") == format!("{other:?}")
    }
}

const EXPECTATION: Sort = Sort::with_keys("expectation");

/// A kind of expectation, as registered for files.
#[derive(Clone, Copy)]
pub struct ExpectKind {
    /// The key.
    pub key: &'static str,
    pub(crate) read: fn(&file::read::Value<'_>, &mut Problems) -> Option<SaidExpect>,
}

/// An expectation as read from a file.
#[derive(Debug, Clone)]
pub struct SaidExpect {
    pub(crate) key: &'static str,
    pub(crate) expect: Arc<dyn CustomExpect>,
    pub(crate) span: Range<usize>,
}

impl ExpectKind {
    /// The kind of `E`.
    pub fn of<E: CustomExpectation>() -> Self {
        ExpectKind {
            key: E::KEY,
            read: |value, problems| {
                let (expect, data) = read::<E>(EXPECTATION, E::KEY, value, problems)?;
                Some(SaidExpect {
                    key: E::KEY,
                    expect: Arc::new(expect),
                    span: data.span,
                })
            },
        }
    }
}
