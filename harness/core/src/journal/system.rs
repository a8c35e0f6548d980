//! Events of one system in the journal.

use std::any::Any;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::panic::{RefUnwindSafe, UnwindSafe};

use serde::{Serialize, Serializer, ser};
use serde_json::Value;

use super::{Entry, Event};
use crate::calls::Folding;

/// The event type of one system, usually an enum.
pub trait SystemEvent:
    Any + Debug + Clone + Eq + Hash + Send + Sync + UnwindSafe + RefUnwindSafe + Into<Event>
{
    /// The event as a JSON object. Its first key, `kind`, is one of the kinds in the system's [`EventKind`].
    ///
    /// # Errors
    /// If it cannot be represented in JSON.
    fn json(&self) -> serde_json::Result<Value>;

    /// Applies the event to the calls: starts or ends hops and executions.
    fn fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>);
}

/// How to read the events of one system from a journal file.
#[derive(Debug, Clone, Copy)]
pub struct EventKind {
    /// The values of `kind` in their lines.
    pub kinds: &'static [&'static str],
    /// Reads one.
    pub read: fn(Value) -> serde_json::Result<Event>,
}

/// An event of any system.
#[derive(Debug)]
pub struct OfSystem(Box<dyn Kept>);

/// An object-safe [`SystemEvent`].
trait Kept: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn kept_json(&self) -> serde_json::Result<Value>;
    fn kept_fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>);
    fn kept_clone(&self) -> Box<dyn Kept>;
    fn is_equal(&self, other: &dyn Kept) -> bool;
    fn kept_hash(&self, state: &mut dyn Hasher);
}

impl<E: SystemEvent> Kept for E {
    fn kept_json(&self) -> serde_json::Result<Value> {
        self.json()
    }

    fn kept_fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>) {
        self.fold(entry, folding);
    }

    fn kept_clone(&self) -> Box<dyn Kept> {
        Box::new(self.clone())
    }

    fn is_equal(&self, other: &dyn Kept) -> bool {
        (other as &dyn Any).downcast_ref() == Some(self)
    }

    fn kept_hash(&self, mut state: &mut dyn Hasher) {
        self.hash(&mut state);
    }
}

impl OfSystem {
    pub(crate) fn fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>) {
        self.0.kept_fold(entry, folding);
    }
}

impl Event {
    /// Wraps an event of a system.
    pub fn of<E: SystemEvent>(event: E) -> Self {
        Event::Of(OfSystem(Box::new(event)))
    }

    /// This event as `E`, if it is one.
    #[must_use]
    pub fn get<E: SystemEvent>(&self) -> Option<&E> {
        let Event::Of(OfSystem(event)) = self else {
            return None;
        };
        (&**event as &dyn Any).downcast_ref()
    }

    /// The same, mutable: for tests that alter journals.
    pub fn get_mut<E: SystemEvent>(&mut self) -> Option<&mut E> {
        let Event::Of(OfSystem(event)) = self else {
            return None;
        };
        (&mut **event as &mut dyn Any).downcast_mut()
    }
}

impl Clone for OfSystem {
    fn clone(&self) -> Self {
        OfSystem(self.0.kept_clone())
    }
}

impl PartialEq for OfSystem {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_equal(&*other.0)
    }
}

impl Eq for OfSystem {}

impl Hash for OfSystem {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.kept_hash(state);
    }
}

impl Serialize for OfSystem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0.kept_json().map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}
