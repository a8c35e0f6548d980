//! Recently decoded items. All records of a list have the same type information: they share it.

use std::sync::Arc;

/// The most recently read items, by their text.
pub(super) struct Recent<'a, T> {
    entries: [Option<(&'a str, T)>; 4],
    /// The next one to be replaced.
    oldest: usize,
}

impl<'a, T: Clone> Recent<'a, T> {
    pub(super) fn new() -> Self {
        Recent {
            entries: [None, None, None, None],
            oldest: 0,
        }
    }

    /// The item at the start of `rest`, and the length of its text. An object that begins alike ends alike.
    pub(super) fn find(&self, rest: &str) -> Option<(usize, T)> {
        let known = self.entries.iter().flatten();
        known
            .filter(|(text, _)| rest.starts_with(text))
            .map(|(text, it)| (text.len(), it.clone()))
            .next()
    }

    pub(super) fn insert(&mut self, text: &'a str, it: T) {
        self.entries[self.oldest] = Some((text, it));
        self.oldest = (self.oldest + 1) % self.entries.len();
    }
}

/// The number of cached names.
const NAMES: usize = 64;

/// Recently read names of fields.
pub(super) struct Names {
    slots: [Option<Arc<str>>; NAMES],
}

impl Names {
    pub(super) fn new() -> Self {
        Names {
            slots: [const { None }; NAMES],
        }
    }

    /// The name, shared with recent ones of the same text.
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        let hash = name
            .bytes()
            .take(32)
            .fold(name.len(), |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte));
        let slot = &mut self.slots[hash % NAMES];
        match slot {
            Some(known) if **known == *name => known.clone(),
            _ => slot.insert(name.into()).clone(),
        }
    }
}
