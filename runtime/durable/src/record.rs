//! What is recorded of a durable instance. Spec: cluster 4.1.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_machine::Timestamp;

/// The step of the state that an instance starts with. Its first record has step 0.
pub const BASELINE_STEP: i64 = squall_cluster::BASELINE_STEP;

/// One recorded step: an event, or a tick of timers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its step.
    pub step: i64,
    /// The JSON of its event; empty for a tick.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// What the step was told from outside besides: readings of the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// What is to be done because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectRecord>,
    /// The JSON of the instance after the step, if it was due. See `Envelope`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot: String,
    /// Whether it is a tick.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tick: bool,
    /// How many timers the tick fired. Each takes a step of its own, after the tick's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tick_steps: u32,
}

impl Record {
    /// An event.
    pub fn event(step: i64, event: impl Into<String>) -> Self {
        Record {
            step,
            event: event.into(),
            ..Record::default()
        }
    }

    /// A tick.
    pub fn tick(step: i64, now: Timestamp, timers: u32) -> Self {
        Record {
            step,
            entries: vec![Entry::clock(now)],
            tick: true,
            tick_steps: timers,
            ..Record::default()
        }
    }

    /// The last step that it takes.
    pub fn last_step(&self) -> i64 {
        self.step.saturating_add(i64::from(self.tick_steps))
    }

    /// The reading of the clock that it has.
    pub fn clock(&self) -> Option<Timestamp> {
        let clocks = self
            .entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::ClockRead);
        clocks.map(|entry| Timestamp(entry.clock_unix_nano)).next()
    }
}

/// Something that a step was told from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Always 0: the order of entries counts.
    #[serde(default)]
    pub step: i64,
    /// What it is.
    pub kind: EntryKind,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation_id: String,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The reading of a clock, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "is_origin")]
    pub clock_unix_nano: i64,
}

impl Entry {
    /// A reading of the clock.
    pub fn clock(now: Timestamp) -> Self {
        Entry {
            step: 0,
            kind: EntryKind::ClockRead,
            correlation_id: String::new(),
            payload: None,
            clock_unix_nano: now.0,
        }
    }
}

/// The kinds of [`Entry`]. A runner writes readings of the clock only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum EntryKind {
    ServiceResult,
    ActorMessage,
    ClockRead,
    Random,
}

/// An effect with its identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// `step#ordinal#kind`: the same in each replay, so that a receiver recognises one that comes twice.
    pub id: String,
    /// The action that returned it.
    pub action: String,
    /// What is to be done.
    pub kind: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
}

/// The state of an instance at one step, which replaces the records up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The last step in it.
    pub step: i64,
    /// The step of the next record. It says more than `step + 1`: steps may be taken without a record.
    pub next_step: i64,
    /// The JSON of the instance.
    pub state: String,
}

impl Checkpoint {
    /// The state that an instance starts with.
    pub fn baseline(state: impl Into<String>) -> Self {
        Checkpoint {
            step: BASELINE_STEP,
            next_step: 0,
            state: state.into(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(it: &bool) -> bool {
    !it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(it: &u32) -> bool {
    *it == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_origin(it: &i64) -> bool {
    *it == 0
}
