//! The state of a checkpoint: a snapshot, and what it does not have. Spec: cluster 4.3.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_machine::{Codec, CodecError, Event, Snapshot, Timers, Timestamp, json};

use crate::record::EffectRecord;

/// The state of an instance with its timers.
///
/// JSON that is no envelope is read as the snapshot alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The instance.
    pub snapshot: Snapshot,
    /// Its armed timers by id, with their deadlines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<PendingTimer>,
    /// Effects that were not dispatched yet. Other implementations do not write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectRecord>,
}

/// An armed timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTimer {
    /// Its id.
    pub id: String,
    /// Its deadline.
    #[serde(rename = "dueUnixNano")]
    pub due: Timestamp,
    /// The event that it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
}

impl Envelope {
    /// Reads the state of a checkpoint.
    ///
    /// # Errors
    /// When it is neither an envelope nor a snapshot.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Probe {
            snapshot: Option<Value>,
        }
        let probe: Result<Probe, _> = serde_json::from_str(text);
        match probe {
            Ok(Probe { snapshot: Some(_) }) => serde_json::from_str(text),
            _ => Ok(Envelope {
                snapshot: Snapshot::from_json(text.as_bytes())?,
                timers: vec![],
                effects: vec![],
            }),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// None, in practice: all of it is JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let bytes = json::to_vec(self)?;
        String::from_utf8(bytes).map_err(serde::ser::Error::custom)
    }

    pub(crate) fn pending<E: Event>(
        timers: &Timers<E>,
        codec: &dyn Codec<E>,
    ) -> Result<Vec<PendingTimer>, CodecError> {
        let pending = |(id, due, event): (&str, Timestamp, &E)| {
            Ok(PendingTimer {
                id: id.to_owned(),
                due,
                event: Some(serde_json::from_slice(&codec.encode(event)?)?),
            })
        };
        timers.armed().map(pending).collect()
    }

    pub(crate) fn timers<E: Event>(&self, codec: &dyn Codec<E>) -> Result<Timers<E>, CodecError> {
        let mut timers = Timers::new();
        for timer in &self.timers {
            let event = match &timer.event {
                Some(event) => codec.decode(&json::to_vec(event)?)?,
                None => {
                    E::zero().ok_or_else(|| CodecError::new(format!("timer {:?} has no event", timer.id)))?
                }
            };
            timers.arm(timer.id.clone(), timer.due, event);
        }
        Ok(timers)
    }
}
