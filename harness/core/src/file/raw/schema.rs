//! The lists of a schema under construction.
//!
//! `JsonSchema` has no parameter for what a table's keys depend on, so [`with`] sets them for its thread.

use std::cell::Cell;

use crate::lists::Lists;

thread_local! {
    static LISTS: Cell<&'static Lists> = const { Cell::new(Lists::NONE) };
}

/// Calls `make`, in which [`lists`] are these.
pub(crate) fn with<T>(lists: &'static Lists, make: impl FnOnce() -> T) -> T {
    let before = LISTS.replace(lists);
    let made = make();
    LISTS.set(before);
    made
}

/// Those that `with` set, or else [`Lists::NONE`].
pub(super) fn lists() -> &'static Lists {
    LISTS.get()
}
