//! The memory of a run's values. A program can use a value any number of times, so that few bytes can become many.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_value::CValue;

/// A budget for values, in bytes as [`CValue::size_within`] counts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left(usize);

impl Left {
    pub(super) fn of(limit: usize) -> Self {
        Left(limit)
    }

    /// Reserves memory for one more value, and returns its size; `None` when the budget is exceeded.
    pub(super) fn take(&mut self, value: &CValue) -> Option<usize> {
        let taken = value.size_within(self.0)?;
        self.0 -= taken;
        Some(taken)
    }

    /// The same for several values.
    pub(super) fn take_all(&mut self, values: &BTreeMap<Arc<str>, CValue>) -> Option<usize> {
        values
            .values()
            .try_fold(0, |sum, value| Some(sum + self.take(value)?))
    }

    /// Releases memory.
    pub(super) fn give(&mut self, taken: usize) {
        self.0 += taken;
    }
}
