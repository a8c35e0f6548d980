//! The behaviours of a node: how actors begin, by name.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::unwind::caught;
use crate::{Actor, BoxError, Cause, Event, Input};

/// Makes an actor from the input of its spawn.
pub(crate) type Behaviour<E> =
    Arc<dyn Fn(Option<Input>) -> Result<Box<dyn Actor<E>>, BoxError> + Send + Sync>;

/// The behaviours of a node, by the name that spawns use (`src`).
pub struct Palette<E: Event>(BTreeMap<String, Behaviour<E>>);

impl<E: Event> Palette<E> {
    /// Adds a behaviour, or replaces the one of this name. It is called once for each actor, and must not block. A
    /// panic in it is an error of the spawn.
    pub fn insert<A: Actor<E>>(
        &mut self,
        src: impl Into<String>,
        make: impl Fn(Option<Input>) -> Result<A, BoxError> + Send + Sync + 'static,
    ) {
        let make =
            move |input: Option<Input>| -> Result<Box<dyn Actor<E>>, BoxError> { Ok(Box::new(make(input)?)) };
        self.0.insert(src.into(), Arc::new(make));
    }

    pub(crate) fn get(&self, src: &str) -> Option<Behaviour<E>> {
        self.0.get(src).cloned()
    }
}

/// A new actor.
pub(crate) fn begin<E: Event>(
    behaviour: &Behaviour<E>,
    input: Option<Input>,
) -> Result<Box<dyn Actor<E>>, Cause> {
    match caught(|| behaviour(input)) {
        Ok(Ok(actor)) => Ok(actor),
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => Err(Arc::new(panic)),
    }
}

impl<E: Event> Default for Palette<E> {
    fn default() -> Self {
        Palette(BTreeMap::new())
    }
}

impl<E: Event> Clone for Palette<E> {
    fn clone(&self) -> Self {
        Palette(self.0.clone())
    }
}

impl<E: Event> Debug for Palette<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
