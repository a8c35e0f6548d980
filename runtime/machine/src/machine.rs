//! A checked machine: its states by number, with their behaviour.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::builder::Builder;
use crate::codec::Codec;
use crate::definition::Definition;
use crate::event::{Context, Event};
use crate::instance::Effect;

pub(crate) type Guard<C, E> = Arc<dyn Fn(&C, Option<&E>) -> bool + Send + Sync>;
pub(crate) type Assign<C, E> = Arc<dyn Fn(&mut C, Option<&E>) + Send + Sync>;
pub(crate) type ActionResult = Result<Option<Effect>, Box<dyn Error + Send + Sync>>;
pub(crate) type Action<C, E> = Arc<dyn Fn(&C, Option<&E>) -> ActionResult + Send + Sync>;

/// A checked definition with its behaviour. A cheap handle: clones are the same machine.
pub struct Machine<C, E>(pub(crate) Arc<Inner<C, E>>);

pub(crate) struct Inner<C, E> {
    pub(crate) definition: Definition,
    pub(crate) nodes: Vec<Node<C, E>>,
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) initial: usize,
    pub(crate) codec: Arc<dyn Codec<C>>,
}

/// A state.
pub(crate) struct Node<C, E> {
    pub(crate) name: String,
    pub(crate) parent: Option<usize>,
    /// Of a compound state.
    pub(crate) initial_child: Option<usize>,
    pub(crate) is_final: bool,
    pub(crate) on_entry: Vec<Named<Action<C, E>>>,
    pub(crate) on_exit: Vec<Named<Action<C, E>>>,
    pub(crate) on_done: Vec<Named<Action<C, E>>>,
    pub(crate) entry_assigns: Vec<Named<Assign<C, E>>>,
    pub(crate) exit_assigns: Vec<Named<Assign<C, E>>>,
    pub(crate) edges: Vec<Edge<C, E>>,
    pub(crate) timers: Vec<Timer<E>>,
}

/// A transition.
pub(crate) struct Edge<C, E> {
    pub(crate) on: String,
    pub(crate) trigger: Trigger,
    /// `None`: nothing is left nor entered.
    pub(crate) to: Option<usize>,
    pub(crate) internal: bool,
    pub(crate) reenter: bool,
    pub(crate) guards: Vec<Named<Guard<C, E>>>,
    pub(crate) actions: Vec<Named<Action<C, E>>>,
    pub(crate) assigns: Vec<Named<Assign<C, E>>>,
    pub(crate) raise: Vec<E>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    Event,
    AnyEvent,
    NoEvent,
    Forbidden,
    ForbiddenAny,
}

/// What a state arms on entry.
pub(crate) struct Timer<E> {
    pub(crate) id: String,
    pub(crate) delay: i64,
    pub(crate) event: E,
}

/// Behaviour with the name that traces have.
pub(crate) struct Named<F> {
    pub(crate) name: String,
    pub(crate) run: F,
}

impl<C: Context, E: Event> Machine<C, E> {
    /// Begins a machine of this name.
    pub fn builder(name: impl Into<String>) -> Builder<C, E> {
        Builder::new(Definition {
            name: name.into(),
            ..Definition::default()
        })
    }

    /// Begins with a definition, to which behaviour is to be added.
    pub fn of(definition: Definition) -> Builder<C, E> {
        Builder::new(definition)
    }
}

impl<C, E> Machine<C, E> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.definition.name
    }

    /// It, as data.
    pub fn definition(&self) -> &Definition {
        &self.0.definition
    }

    /// Whether there is a state of this name.
    pub fn has_state(&self, name: &str) -> bool {
        self.0.by_name.contains_key(name)
    }
}

impl<C, E> Clone for Machine<C, E> {
    fn clone(&self) -> Self {
        Machine(self.0.clone())
    }
}

impl<C, E> fmt::Debug for Machine<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Machine").field(&self.name()).finish()
    }
}
