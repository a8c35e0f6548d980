//! Everything that a spawn says of an actor. Kept with it, so that a restart loses nothing. Spec: cluster W22.

use serde::{Deserialize, Serialize};

use crate::{ActorRef, Input};

/// Everything that a spawn says of an actor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpawnSpec {
    /// The name of the actor on its node. Any text, unique among its node's actors.
    pub id: String,
    /// The name of the behaviour.
    pub src: String,
    /// A well-known name, or empty. The latest actor of that name has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system_id: String,
    /// What the behaviour gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// The id of the actor that spawned it, which must run. It is stopped with its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The route by which the parent hears of its completion. `None`: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_done: Option<String>,
    /// The route by which the parent hears of its failure. `None`: the failure escalates to the supervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<String>,
}

impl SpawnSpec {
    /// An actor of the behaviour `src`, without input.
    pub fn new(src: impl Into<String>, id: impl Into<String>) -> Self {
        SpawnSpec {
            id: id.into(),
            src: src.into(),
            ..SpawnSpec::default()
        }
    }

    /// Gives the behaviour an input.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.input = Some(input);
        self
    }

    /// Gives the actor a well-known name.
    #[must_use]
    pub fn system_id(mut self, name: impl Into<String>) -> Self {
        self.system_id = name.into();
        self
    }

    /// Tells the parent of the actor's completion, by this route.
    #[must_use]
    pub fn on_done(mut self, route: impl Into<String>) -> Self {
        self.on_done = Some(route.into());
        self
    }

    /// Tells the parent of the actor's failure, by this route, instead of the supervisor.
    #[must_use]
    pub fn on_error(mut self, route: impl Into<String>) -> Self {
        self.on_error = Some(route.into());
        self
    }

    pub(crate) fn reference(&self, node: &str) -> ActorRef {
        ActorRef {
            id: self.id.clone(),
            system_id: self.system_id.clone(),
            src: self.src.clone(),
            node: node.to_owned(),
        }
    }
}
