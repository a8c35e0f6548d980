//! How much room the values of a run take. A program can use a value as often as it likes, so that few bytes make many.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_value::CValue;

/// Room for values, in bytes as [`CValue::size_within`] counts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left(usize);

impl Left {
    pub(super) fn of(limit: usize) -> Self {
        Left(limit)
    }

    /// Takes room for one more value, and tells how much; nothing when there is not enough.
    pub(super) fn take(&mut self, value: &CValue) -> Option<usize> {
        let taken = value.size_within(self.0)?;
        self.0 -= taken;
        Some(taken)
    }

    /// The same for all of some values.
    pub(super) fn take_all(&mut self, values: &BTreeMap<Arc<str>, CValue>) -> Option<usize> {
        values
            .values()
            .try_fold(0, |sum, value| Some(sum + self.take(value)?))
    }

    /// Gives room back.
    pub(super) fn give(&mut self, taken: usize) {
        self.0 += taken;
    }
}
