//! The listeners of a source.

use std::fmt;
use std::sync::{Mutex, PoisonError, Weak};

use super::Listener;

/// The listeners of a source, in the order of their registration. Dropped ones are removed.
#[derive(Default)]
pub struct Listeners(Mutex<Vec<Weak<dyn Listener>>>);

impl Listeners {
    /// Adds one.
    pub fn add(&self, listener: Weak<dyn Listener>) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
    }

    /// Notifies all listeners that the endpoints of `module` have changed. The caller must not hold a lock that the
    /// source's answers need.
    pub fn tell(&self, module: &str) {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.changed(module);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listeners")
    }
}
