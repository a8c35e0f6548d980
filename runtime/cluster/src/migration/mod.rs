//! Moves an instance and its actors to another process, possibly to a newer definition. Spec: cluster 3.8.
//!
//! | subject | file |
//! |---|---|
//! | what is moved, as JSON | here |
//! | taking it | `capture` |
//! | going on with it | `restore` |
//!
//! This is not a protocol: whoever moves an instance stops the source, redirects senders, and sees to it that one of the
//! two goes on. A capture changes nothing, and so can be dropped.

mod capture;
mod restore;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Input, SpawnSpec};

pub use capture::{CaptureError, capture};
pub use restore::{RestoreError, Restored, restore};

/// An instance and its actors, to go on elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The instance, as a snapshot of its machine.
    pub snapshot: Value,
    /// The actors that nobody spawned, by id, each an [`ActorSnapshot`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub actors: BTreeMap<String, Value>,
    /// The definition of the machine.
    #[serde(rename = "machineIR")]
    pub machine_ir: Value,
}

impl Checkpoint {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no JSON of a checkpoint. Its parts are read by [`restore`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Writes it.
    ///
    /// # Errors
    /// None, in practice: all of it is JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        squall_machine::json::to_vec(self)
    }
}

/// An actor at rest, with its children.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorSnapshot {
    /// Its id.
    pub id: String,
    /// The name of its behaviour.
    pub src: String,
    /// Its well-known name, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system_id: String,
    /// The state of the machine that spawned it. Of other implementations only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// What its behaviour got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// The route by which its parent hears of its completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_done: Option<String>,
    /// The route by which its parent hears of its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<String>,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<Value>,
    /// Of other implementations only.
    #[serde(default)]
    pub resumed: bool,
    /// Whether it had ended.
    #[serde(default)]
    pub done: bool,
    /// Messages that were not handled. Never written, for a capture waits until there are none; refused when read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailbox: Vec<Value>,
    /// The actors that it spawned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ActorSnapshot>,
}

impl ActorSnapshot {
    fn new(spec: &SpawnSpec, state: Option<Value>, done: bool) -> Self {
        ActorSnapshot {
            id: spec.id.clone(),
            src: spec.src.clone(),
            system_id: spec.system_id.clone(),
            state: String::new(),
            input: spec.input.clone(),
            on_done: spec.on_done.clone(),
            on_error: spec.on_error.clone(),
            child: state,
            resumed: false,
            done,
            mailbox: Vec::new(),
            children: Vec::new(),
        }
    }

    fn spec(&self, parent: Option<&str>) -> SpawnSpec {
        SpawnSpec {
            id: self.id.clone(),
            src: self.src.clone(),
            system_id: self.system_id.clone(),
            input: self.input.clone(),
            parent: parent.map(str::to_owned),
            on_done: self.on_done.clone(),
            on_error: self.on_error.clone(),
        }
    }
}
