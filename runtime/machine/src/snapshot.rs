//! An instance at rest. Spec: cluster 4.7: the order of members is part of the format.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::codec::CodecError;
use crate::event::{Context, Event};
use crate::instance::{Instance, Retain};
use crate::json;
use crate::machine::Machine;
use crate::trace::Trace;

/// The version of the format that is written: major times 1000, plus minor. Other major versions are refused.
pub const SNAPSHOT_VERSION: u32 = 1000;

/// How an instance fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Status {
    /// It takes events.
    #[default]
    Running,
    /// It has reached a final state.
    Done,
    /// Its owner gave it up.
    Failed,
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Status::Running),
            1 => Ok(Status::Done),
            2 => Ok(Status::Failed),
            other => Err(serde::de::Error::custom(format!("there is no status {other}"))),
        }
    }
}

/// An instance at rest, without its machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The machine's name.
    pub machine: String,
    /// The first active leaf.
    pub current: String,
    /// All active leaves.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub configuration: Vec<String>,
    /// The context.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    /// The child that was active when a compound state was left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub history_shallow: BTreeMap<String, String>,
    /// The leaves that were active then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub history_deep: BTreeMap<String, Vec<String>>,
    /// Traces, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub traces: VecDeque<Trace>,
    /// How many traces are kept; 0 is no limit, or none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hist_limit: usize,
    /// How it fares.
    #[serde(default)]
    pub status: Status,
    /// What it ended with.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why its owner gave it up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// What runs beside it.
    #[serde(default)]
    pub pending: Pending,
    /// Actors that it started, as their owner wrote them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub actors: BTreeMap<String, Value>,
    /// The version of the format; 0 is the current one.
    #[serde(default, skip_serializing_if = "is_none")]
    pub snapshot_version: u32,
    /// The version of the machine's definition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine_version: String,
    /// The identity of the machine's definition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine_id: String,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Value>,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_flight_services: Vec<Value>,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mailboxes: BTreeMap<String, Value>,
}

/// What runs beside an instance, by its ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// The timers of the active states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<String>,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
}

/// A snapshot could not be taken, written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot of machine {machine:?} could not be {what}: {error}")]
pub struct SnapshotError {
    machine: String,
    what: &'static str,
    error: CodecError,
}

/// A snapshot that is none of this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It is of another machine.
    #[error("the snapshot is of machine {found:?}, not of {expected:?}")]
    OtherMachine {
        /// This machine.
        expected: String,
        /// The snapshot's.
        found: String,
    },
    /// It is of another major version of the format.
    #[error("the snapshot has version {found}, and this is version {SNAPSHOT_VERSION}")]
    OtherFormat {
        /// The snapshot's.
        found: u32,
    },
    /// It is of another version of the definition, where the caller insists on this one.
    #[error("the snapshot is of version {found:?} of machine {machine:?}, not of {expected:?}")]
    OtherVersion {
        /// The machine.
        machine: String,
        /// Its version.
        expected: String,
        /// The snapshot's.
        found: String,
    },
    /// The machine has no such state, or it is no leaf.
    #[error("machine {machine:?} has no leaf state {state:?}")]
    UnknownState {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
    /// Several states are active at once.
    #[error(
        "the snapshot of machine {machine:?} has {leaves} active states: parallel regions are not supported"
    )]
    Parallel {
        /// The machine.
        machine: String,
        /// How many.
        leaves: usize,
    },
    /// The context is not of the machine's type.
    #[error("the context of machine {machine:?} cannot be read: {error}")]
    Context {
        /// The machine.
        machine: String,
        /// Why.
        error: CodecError,
    },
}

/// What a caller of [`Machine::restore`] insists on.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoreOptions {
    /// How many traces to keep from now on; what the snapshot says, by default.
    pub retain: Option<Retain>,
    /// Whether a snapshot of another version of the definition is an error.
    pub same_version: bool,
}

impl Snapshot {
    /// Reads one, as any implementation writes it.
    ///
    /// # Errors
    /// When it is no JSON of a snapshot.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Writes it, byte for byte as the Go implementation does.
    ///
    /// # Errors
    /// None, in practice: all of it is JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        json::to_vec(self)
    }
}

impl<C: Context, E: Event> Instance<C, E> {
    /// The instance at rest.
    ///
    /// # Errors
    /// When the context has no JSON.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let inner = &self.machine.0;
        let encoded = inner.codec.encode(&self.context);
        let context = encoded.and_then(|bytes| match bytes.is_empty() {
            true => Ok(None),
            false => Ok(Some(serde_json::from_slice(&bytes)?)),
        });
        let context = context.map_err(|error| SnapshotError {
            machine: self.machine.name().to_owned(),
            what: "taken: its context",
            error,
        })?;
        let status = match (&self.error, self.is_done()) {
            (Some(_), _) => Status::Failed,
            (None, true) => Status::Done,
            (None, false) => Status::Running,
        };
        Ok(Snapshot {
            machine: self.machine.name().to_owned(),
            current: self.state().to_owned(),
            configuration: vec![self.state().to_owned()],
            context,
            history_shallow: self.shallow.clone(),
            history_deep: self.deep.clone(),
            traces: self.traces.clone(),
            hist_limit: match self.retain {
                Retain::Last(max) => max,
                Retain::Nothing | Retain::All => 0,
            },
            status,
            output: self.output.clone(),
            error: self.error.clone().unwrap_or_default(),
            pending: Pending {
                timers: self.active_timers().map(|timer| timer.id.clone()).collect(),
                ..Pending::default()
            },
            snapshot_version: SNAPSHOT_VERSION,
            machine_version: inner.definition.version.clone(),
            machine_id: inner.definition.id.clone(),
            ..Snapshot::default()
        })
    }

    /// The JSON of [`Instance::snapshot`].
    ///
    /// # Errors
    /// As [`Instance::snapshot`].
    pub fn snapshot_json(&self) -> Result<Vec<u8>, SnapshotError> {
        self.snapshot()?.to_json().map_err(|error| SnapshotError {
            machine: self.machine.name().to_owned(),
            what: "written",
            error: error.into(),
        })
    }
}

impl<C: Context, E: Event> Machine<C, E> {
    /// The instance of a snapshot. It goes on where it was: no action runs, and no timer is armed (see
    /// [`Instance::rearm`]).
    ///
    /// # Errors
    /// When the snapshot is none of this machine.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        options: RestoreOptions,
    ) -> Result<Instance<C, E>, RestoreError> {
        let machine = || self.name().to_owned();
        if snapshot.machine != self.name() {
            return Err(RestoreError::OtherMachine {
                expected: machine(),
                found: snapshot.machine.clone(),
            });
        }
        let version = snapshot.snapshot_version;
        if version != 0 && version / 1000 != SNAPSHOT_VERSION / 1000 {
            return Err(RestoreError::OtherFormat { found: version });
        }
        let expected = &self.definition().version;
        if options.same_version && snapshot.machine_version != *expected {
            return Err(RestoreError::OtherVersion {
                machine: machine(),
                expected: expected.clone(),
                found: snapshot.machine_version.clone(),
            });
        }
        let kept = match (snapshot.hist_limit, snapshot.traces.is_empty()) {
            (0, true) => Retain::Nothing,
            (0, false) => Retain::All,
            (max, _) => Retain::Last(max),
        };
        Ok(Instance {
            machine: self.clone(),
            leaf: self.leaf_in(snapshot)?,
            context: self.context_in(snapshot)?,
            shallow: snapshot.history_shallow.clone(),
            deep: snapshot.history_deep.clone(),
            traces: snapshot.traces.clone(),
            retain: options.retain.unwrap_or(kept),
            output: snapshot.output.clone(),
            error: (snapshot.status == Status::Failed).then(|| snapshot.error.clone()),
        })
    }

    fn leaf_in(&self, snapshot: &Snapshot) -> Result<usize, RestoreError> {
        let name = match &*snapshot.configuration {
            [] => &snapshot.current,
            [leaf] => leaf,
            leaves => {
                return Err(RestoreError::Parallel {
                    machine: self.name().to_owned(),
                    leaves: leaves.len(),
                });
            }
        };
        let found = self.0.by_name.get(name).copied();
        let leaf = found.filter(|state| self.0.nodes[*state].initial_child.is_none());
        leaf.ok_or_else(|| RestoreError::UnknownState {
            machine: self.name().to_owned(),
            state: name.clone(),
        })
    }

    fn context_in(&self, snapshot: &Snapshot) -> Result<C, RestoreError> {
        let bytes = snapshot.context.as_ref().map_or(Ok(vec![]), json::to_vec);
        let context = bytes
            .map_err(CodecError::from)
            .and_then(|bytes| self.0.codec.decode(&bytes));
        context.map_err(|error| RestoreError::Context {
            machine: self.name().to_owned(),
            error,
        })
    }
}

/// Go writes a list that was never made as null.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A null that is there is a value: only what is absent is none.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(it: &usize) -> bool {
    *it == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(it: &u32) -> bool {
    *it == 0
}
