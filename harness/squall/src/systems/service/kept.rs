//! What the calls of a process share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value of each type. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>);

impl Kept {
    /// The value of this type, which is made when there is none.
    pub(crate) fn get_or<K: Clone + Send + 'static>(&self, make: impl FnOnce() -> K) -> K {
        let of = TypeId::of::<K>();
        let known = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&of).and_then(|kept| kept.downcast_ref::<K>().cloned())
        };
        // Not under the lock: what makes it may ask for another one.
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
