//! What a machine needs of the types of its events and of its context.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An event of a machine: a value with a name, by which transitions select it.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its name, as in [`Transition::on`](crate::Transition::on) and in traces.
    fn name(&self) -> Cow<'_, str>;

    /// What an empty payload stands for. `None` when there is no such event: then an empty payload is an error.
    fn zero() -> Option<Self> {
        None
    }
}

/// The event is its name.
impl Event for String {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn zero() -> Option<Self> {
        Some(String::new())
    }
}

/// The data of an instance. It is copied once in every step that changes it.
pub trait Context: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Context for T {}
