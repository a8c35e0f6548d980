//! Builds a machine: a definition, and the behaviour that it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check;
use crate::codec::{Codec, Json};
use crate::definition::{Definition, Ref, SCHEMA_VERSION, State, Transition};
use crate::error::BuildError;
use crate::event::{Context, Event};
use crate::machine::{
    Action, ActionResult, Assign, Edge, Guard, Inner, Machine, Named, Node, Timer, Trigger,
};

/// A machine that is being put together. Behaviour must be deterministic, a function of its arguments alone: it runs
/// again when a past state is rebuilt.
pub struct Builder<C, E> {
    definition: Definition,
    guards: BTreeMap<String, Guard<C, E>>,
    actions: BTreeMap<String, Action<C, E>>,
    assigns: BTreeMap<String, Assign<C, E>>,
    codec: Arc<dyn Codec<C>>,
    /// The first behaviour of a name that was taken.
    duplicate: Option<BuildError>,
}

impl<C: Context, E: Event> Builder<C, E> {
    pub(crate) fn new(definition: Definition) -> Self {
        Builder {
            definition,
            guards: BTreeMap::new(),
            actions: BTreeMap::new(),
            assigns: BTreeMap::new(),
            codec: Arc::new(Json),
            duplicate: None,
        }
    }

    /// A stable identity beside the name.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.definition.id = id.into();
        self
    }

    /// The version of the definition. Snapshots have it.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.definition.version = version.into();
        self
    }

    /// The state that instances begin in.
    #[must_use]
    pub fn initial(mut self, state: impl Into<String>) -> Self {
        self.definition.initial = state.into();
        self.definition.has_initial = true;
        self
    }

    /// Adds a state, with those within it.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.definition.states.push(state);
        self
    }

    /// A guard of this name. It is given no event where a transition needs none and the instance begins.
    #[must_use]
    pub fn guard(
        mut self,
        name: impl Into<String>,
        guard: impl Fn(&C, Option<&E>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        if self.guards.insert(name.clone(), Arc::new(guard)).is_some() {
            self.is_duplicate("guard", name);
        }
        self
    }

    /// An action of this name. The effect that it returns is for whoever fires events: a machine does nothing itself.
    #[must_use]
    pub fn action(
        mut self,
        name: impl Into<String>,
        action: impl Fn(&C, Option<&E>) -> ActionResult + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        if self.actions.insert(name.clone(), Arc::new(action)).is_some() {
            self.is_duplicate("action", name);
        }
        self
    }

    /// An assign of this name: it changes the context.
    #[must_use]
    pub fn assign(
        mut self,
        name: impl Into<String>,
        assign: impl Fn(&mut C, Option<&E>) + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        if self.assigns.insert(name.clone(), Arc::new(assign)).is_some() {
            self.is_duplicate("assign", name);
        }
        self
    }

    /// How snapshots write and read the context: with serde, unless said otherwise.
    #[must_use]
    pub fn context_codec(mut self, codec: impl Codec<C>) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    fn is_duplicate(&mut self, kind: &'static str, name: String) {
        self.duplicate
            .get_or_insert(BuildError::DuplicateBehaviour { kind, name });
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// The first mistake.
    pub fn build(mut self) -> Result<Machine<C, E>, BuildError> {
        if let Some(duplicate) = self.duplicate.take() {
            return Err(duplicate);
        }
        check::definition(&self.definition)?;
        SCHEMA_VERSION.clone_into(&mut self.definition.schema_version);
        complete(&mut self.definition.states);

        let mut by_name = BTreeMap::new();
        let mut order = Vec::new();
        number(&self.definition.states, None, &mut by_name, &mut order);
        let nodes = order
            .iter()
            .map(|(state, parent)| self.node(state, *parent, &by_name))
            .collect::<Result<Vec<_>, _>>()?;
        let initial = by_name.get(&self.definition.initial).copied();
        let initial = initial.ok_or_else(|| BuildError::UnknownInitial {
            machine: self.definition.name.clone(),
            state: self.definition.initial.clone(),
        })?;
        Ok(Machine(Arc::new(Inner {
            nodes,
            by_name,
            initial,
            codec: self.codec,
            definition: self.definition,
        })))
    }

    fn node(
        &self,
        state: &State,
        parent: Option<usize>,
        by_name: &BTreeMap<String, usize>,
    ) -> Result<Node<C, E>, BuildError> {
        let actions = |refs| bound("action", &self.actions, refs, state);
        let assigns = |refs| bound("assign", &self.assigns, refs, state);
        let mut timers = Vec::new();
        let mut edges = Vec::new();
        for (index, transition) in state.transitions.iter().enumerate() {
            if let Some(delay) = transition.after {
                let name = serde_json::Value::String(transition.on.clone());
                let event = transition.event.as_ref().unwrap_or(&name);
                let event = read(event, state, transition)?;
                let id = format!("{}:{}:after:{index}", self.definition.name, state.name);
                timers.push(Timer { id, delay, event });
            }
            let raise = transition.raise.iter();
            edges.push(Edge {
                on: transition.on.clone(),
                trigger: trigger(transition),
                to: by_name.get(&transition.to).copied(),
                internal: transition.internal,
                reenter: transition.reenter,
                guards: bound("guard", &self.guards, &transition.guards, state)?,
                actions: actions(&transition.effects)?,
                assigns: assigns(&transition.assigns)?,
                raise: raise
                    .map(|event| read(event, state, transition))
                    .collect::<Result<_, _>>()?,
            });
        }
        Ok(Node {
            name: state.name.clone(),
            parent,
            initial_child: state
                .initial_child
                .as_ref()
                .and_then(|child| by_name.get(child).copied()),
            is_final: state.is_final,
            on_entry: actions(&state.on_entry)?,
            on_exit: actions(&state.on_exit)?,
            on_done: actions(&state.on_done)?,
            entry_assigns: assigns(&state.on_entry_assign)?,
            exit_assigns: assigns(&state.on_exit_assign)?,
            edges,
            timers,
        })
    }
}

/// Every transition says whose it is, as in the JSON of other implementations.
fn complete(states: &mut [State]) {
    for state in states {
        for transition in &mut state.transitions {
            transition.from.clone_from(&state.name);
        }
        complete(&mut state.children);
    }
}

/// Numbers states, each before those within it.
fn number<'a>(
    states: &'a [State],
    parent: Option<usize>,
    by_name: &mut BTreeMap<String, usize>,
    order: &mut Vec<(&'a State, Option<usize>)>,
) {
    for state in states {
        let index = order.len();
        order.push((state, parent));
        by_name.insert(state.name.clone(), index);
        number(&state.children, Some(index), by_name, order);
    }
}

fn trigger(transition: &Transition) -> Trigger {
    match (transition.forbidden, transition.wildcard, transition.event_less) {
        (true, true, _) => Trigger::ForbiddenAny,
        (true, false, _) => Trigger::Forbidden,
        (false, _, true) => Trigger::NoEvent,
        (false, true, false) => Trigger::AnyEvent,
        (false, false, false) => Trigger::Event,
    }
}

fn bound<F: Clone>(
    kind: &'static str,
    registered: &BTreeMap<String, F>,
    refs: &[Ref],
    state: &State,
) -> Result<Vec<Named<F>>, BuildError> {
    let bind = |it: &Ref| {
        let run = registered.get(&it.name).ok_or_else(|| BuildError::Unbound {
            kind,
            name: it.name.clone(),
            state: state.name.clone(),
        })?;
        Ok(Named {
            name: it.name.clone(),
            run: run.clone(),
        })
    };
    refs.iter().map(bind).collect()
}

fn read<E: Event>(
    value: &serde_json::Value,
    state: &State,
    transition: &Transition,
) -> Result<E, BuildError> {
    serde_json::from_value(value.clone()).map_err(|error| BuildError::BadEvent {
        state: state.name.clone(),
        transition: check::called(transition),
        error: error.into(),
    })
}
