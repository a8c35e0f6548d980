//! Divides long work into steps, between which other tasks run.

use tokio::task::yield_now;

use crate::table::Declared;

/// The bytes of modules that are read, or dropped, in one step: a few thousand types, which take a fraction of a
/// millisecond.
pub(crate) const BYTES_AT_ONCE: usize = 16 * 1024;

/// Counts work, in any unit.
pub(crate) struct Turns {
    at_once: usize,
    done: usize,
}

impl Turns {
    /// Other tasks run each time that this much is done.
    pub(crate) fn of(at_once: usize) -> Self {
        Turns { at_once, done: 0 }
    }

    /// This much more is done.
    pub(crate) async fn did(&mut self, work: usize) {
        self.done += work;
        if self.done >= self.at_once {
            self.done = 0;
            yield_now().await;
        }
    }
}

/// Drops modules, whose schemas may be large.
pub(crate) async fn drop_modules(modules: impl IntoIterator<Item = Declared, IntoIter: Send>) {
    let mut turns = Turns::of(BYTES_AT_ONCE);
    for module in modules {
        let bytes = module.bytes;
        drop(module);
        turns.did(bytes).await;
    }
}
