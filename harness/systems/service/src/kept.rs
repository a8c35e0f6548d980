//! State shared by the calls of a process.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value per type. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>);

impl Kept {
    /// The value of this type, created on first use.
    pub(crate) fn get_or<K: Clone + Send + 'static>(&self, make: impl FnOnce() -> K) -> K {
        let of = TypeId::of::<K>();
        let known = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&of).and_then(|kept| kept.downcast_ref::<K>().cloned())
        };
        // Created without the lock: `make` may request another value.
        known.unwrap_or_else(|| {
            let made = make();
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(of, Box::new(made.clone()));
            made
        })
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
