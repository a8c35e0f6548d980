//! What one step did: data, kept with the instance when its history is. Spec: cluster 4.7.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A transition was taken, or the event is forbidden and was ignored.
    Success,
    /// The state has no transition for the event.
    InvalidTransition,
    /// There are transitions, and no guard of them holds.
    GuardFailed,
    /// A guard panicked.
    GuardPanic,
    /// Of other implementations only.
    PolicyDenied,
    /// An action failed.
    EffectError,
    /// An assign failed.
    AssignFailed,
    /// Of a newer implementation.
    Other(u8),
}

impl Outcome {
    /// Its number in JSON.
    pub fn number(self) -> u8 {
        match self {
            Outcome::Success => 0,
            Outcome::InvalidTransition => 1,
            Outcome::GuardFailed => 2,
            Outcome::GuardPanic => 3,
            Outcome::PolicyDenied => 4,
            Outcome::EffectError => 5,
            Outcome::AssignFailed => 6,
            Outcome::Other(number) => number,
        }
    }
}

impl From<u8> for Outcome {
    fn from(number: u8) -> Self {
        match number {
            0 => Outcome::Success,
            1 => Outcome::InvalidTransition,
            2 => Outcome::GuardFailed,
            3 => Outcome::GuardPanic,
            4 => Outcome::PolicyDenied,
            5 => Outcome::EffectError,
            6 => Outcome::AssignFailed,
            number => Outcome::Other(number),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Outcome::from)
    }
}

/// One step of an instance: the event, what was tried, and what changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// The event's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_payload: Option<Value>,
    /// The leaf that was active.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from_state: String,
    /// All guards that were asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards_evaluated: Vec<String>,
    /// Of other implementations only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies_evaluated: Vec<String>,
    /// All actions that ran, each with the kind of its effect: `action:kind`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects_emitted: Vec<String>,
    /// All assigns that ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigns_applied: Vec<String>,
    /// Timers, raised events, completed states and eventless transitions, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub microsteps: Vec<String>,
    /// The state that had the transition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub matched_at: String,
    /// The states that were left, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exited_states: Vec<String>,
    /// The states that were entered, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entered_states: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Trace {
    pub(crate) fn new(machine: &str, event: &str, payload: Option<Value>, from: &str) -> Self {
        Trace {
            machine: machine.to_owned(),
            event: event.to_owned(),
            event_payload: payload,
            from_state: from.to_owned(),
            guards_evaluated: vec![],
            policies_evaluated: vec![],
            effects_emitted: vec![],
            assigns_applied: vec![],
            microsteps: vec![],
            matched_at: from.to_owned(),
            exited_states: vec![],
            entered_states: vec![],
            outcome: Outcome::InvalidTransition,
        }
    }
}
