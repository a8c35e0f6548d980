//! A machine as data: states, transitions, and names of behaviour. Its JSON is that of the Go implementation.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;

/// The version of the format that is written. Documents of another major version are refused.
pub const SCHEMA_VERSION: &str = "1.0";

/// A machine as data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// The version of the format.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema_version: String,
    /// A stable identity beside the name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The machine's name.
    pub name: String,
    /// The version of the definition, for people and for migrations.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// A description of the context, which is compared and not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    /// The outermost states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// The state that instances begin in.
    #[serde(default)]
    pub initial: String,
    /// Whether there is such a state.
    #[serde(default)]
    pub has_initial: bool,
    /// What newer documents have besides.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// When it is no JSON of a definition, or is of a newer major version of the format.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let definition: Definition = serde_json::from_slice(bytes)?;
        let major = definition.schema_version.split('.').next().unwrap_or_default();
        match major {
            "" | "0" | "1" => Ok(definition),
            _ => Err(serde::de::Error::custom(format!(
                "schema version {:?} is newer than {SCHEMA_VERSION}",
                definition.schema_version
            ))),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// None, in practice: all of it is JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        crate::json::to_vec(self)
    }
}

/// A state: a leaf, or a compound of states one of which is active while it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Its name, unique in the machine.
    pub name: String,
    /// Who looks after it: for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owned_by: String,
    /// Its transitions, in the order in which they are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<Transition>,
    /// Actions on entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_entry: Vec<Ref>,
    /// Actions on exit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_exit: Vec<Ref>,
    /// Whether an instance ends here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_final: bool,
    /// Actions when a final state within it is entered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_done: Vec<Ref>,
    /// Assigns on entry, after the actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_entry_assign: Vec<Ref>,
    /// Assigns on exit, after the actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_exit_assign: Vec<Ref>,
    /// The states of a compound state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<State>,
    /// The one of them that is entered with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_child: Option<String>,
    /// Parallel regions: read and compared, not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// The kind of a history state: compared, not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_type: Option<Value>,
    /// The target of a history state without history: compared, not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_default: Option<Value>,
    /// Services and actors: compared, not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invoke: Vec<Value>,
    /// What newer documents have besides.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl State {
    /// A leaf without transitions.
    pub fn new(name: impl Into<String>) -> Self {
        State {
            name: name.into(),
            ..State::default()
        }
    }

    /// Adds a transition, to be tried after those that it has.
    #[must_use]
    pub fn with(mut self, transition: Transition) -> Self {
        self.transitions.push(transition);
        self
    }

    /// An instance ends here.
    #[must_use]
    pub fn ends(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Adds a state within it. The first one is entered with it, unless [`State::initial`] names another one.
    #[must_use]
    pub fn child(mut self, state: State) -> Self {
        self.initial_child.get_or_insert_with(|| state.name.clone());
        self.children.push(state);
        self
    }

    /// The state within it that is entered with it.
    #[must_use]
    pub fn initial(mut self, child: impl Into<String>) -> Self {
        self.initial_child = Some(child.into());
        self
    }

    /// Adds an action on entry.
    #[must_use]
    pub fn enter(mut self, action: impl Into<String>) -> Self {
        self.on_entry.push(Ref::new(action));
        self
    }

    /// Adds an action on exit.
    #[must_use]
    pub fn exit(mut self, action: impl Into<String>) -> Self {
        self.on_exit.push(Ref::new(action));
        self
    }

    /// Adds an action for when a final state within it is entered.
    #[must_use]
    pub fn done(mut self, action: impl Into<String>) -> Self {
        self.on_done.push(Ref::new(action));
        self
    }

    /// Adds an assign on entry.
    #[must_use]
    pub fn enter_assign(mut self, assign: impl Into<String>) -> Self {
        self.on_entry_assign.push(Ref::new(assign));
        self
    }

    /// Adds an assign on exit.
    #[must_use]
    pub fn exit_assign(mut self, assign: impl Into<String>) -> Self {
        self.on_exit_assign.push(Ref::new(assign));
        self
    }
}

/// One of several state machines of a parallel state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// What else it has.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A way from one state to another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// The state that has it.
    #[serde(default)]
    pub from: String,
    /// The state that it leads to.
    #[serde(default)]
    pub to: String,
    /// The name of its event; of a transition with a timer, the event that the timer fires.
    #[serde(default)]
    pub on: String,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Ref>,
    /// Its actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Ref>,
    /// Of other implementations: compared, not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_mode: Option<Value>,
    /// Its assigns, after the actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigns: Vec<Ref>,
    /// An expression of guards: compared, not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_expr: Option<Value>,
    /// Whether no state is left nor entered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub internal: bool,
    /// Whether it is taken without an event, whenever its guards hold.
    #[serde(default, skip_serializing_if = "is_false")]
    pub event_less: bool,
    /// The delay of its timer in nanoseconds, from the entry of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Whether it is for all events that no other transition of the state is for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wildcard: bool,
    /// Whether the event is ignored here, and by the states around it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forbidden: bool,
    /// Whether a transition to its own state, or to one around it, leaves and enters that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reenter: bool,
    /// Events that are fired after it, in the same step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raise: Vec<Value>,
    /// The event that its timer fires, if it is more than a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
    /// A place in a program of another implementation: not compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub src_file: String,
    /// The same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub src_line: i64,
    /// What newer documents have besides.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Transition {
    /// For the event of this name.
    pub fn on(event: impl Into<String>) -> Self {
        Transition {
            on: event.into(),
            ..Transition::default()
        }
    }

    /// For every event that no other transition of the state is for.
    pub fn any() -> Self {
        Transition {
            wildcard: true,
            ..Transition::default()
        }
    }

    /// Taken without an event, as soon as its guards hold.
    pub fn always() -> Self {
        Transition {
            event_less: true,
            ..Transition::default()
        }
    }

    /// Ignores the event of this name, in the states around this one too.
    pub fn forbid(event: impl Into<String>) -> Self {
        Transition {
            forbidden: true,
            ..Transition::on(event)
        }
    }

    /// For `event`, which a timer fires so long after the entry of the state. The timer ends with the state.
    pub fn after<E: Event>(delay: Duration, event: &E) -> Self {
        let name = event.name().into_owned();
        // What is no JSON is found when the machine is built.
        let value = serde_json::to_value(event).unwrap_or_default();
        Transition {
            after: Some(i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX)),
            event: (value != Value::String(name.clone())).then_some(value),
            on: name,
            ..Transition::default()
        }
    }

    /// The state that it leads to. Without one nothing is left nor entered.
    #[must_use]
    pub fn to(mut self, state: impl Into<String>) -> Self {
        self.to = state.into();
        self
    }

    /// Adds a guard: it must hold, as all others.
    #[must_use]
    pub fn guard(mut self, name: impl Into<String>) -> Self {
        self.guards.push(Ref::new(name));
        self
    }

    /// Adds an action.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>) -> Self {
        self.effects.push(Ref::new(name));
        self
    }

    /// Adds an assign.
    #[must_use]
    pub fn assign(mut self, name: impl Into<String>) -> Self {
        self.assigns.push(Ref::new(name));
        self
    }

    /// Adds an event that is fired after it, in the same step.
    #[must_use]
    pub fn raise<E: Event>(mut self, event: &E) -> Self {
        self.raise.push(serde_json::to_value(event).unwrap_or_default());
        self
    }

    /// Leaves and enters its own state, or the state around it that it leads to.
    #[must_use]
    pub fn reenter(mut self) -> Self {
        self.reenter = true;
        self
    }

    /// Leaves and enters nothing, wherever it leads to.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.internal = true;
        self
    }
}

/// A behaviour, by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ref {
    /// The name that it is registered under.
    pub name: String,
    /// Of other implementations: compared, not given to behaviour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

impl Ref {
    /// The behaviour of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Ref {
            name: name.into(),
            params: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(it: &bool) -> bool {
    !it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(it: &i64) -> bool {
    *it == 0
}
