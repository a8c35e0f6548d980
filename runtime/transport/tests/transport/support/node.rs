//! Actors that finish when they are told to, and the past of a counter.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::Value;
use squall_cluster::{
    ActorRef, Delivered, Error, HistoryError, Outcome, TimeTravel, WireEndpoint, async_trait,
};

use super::NODE;

/// Runs actors of the source `worker`, which take texts and finish with `"finish"`. As a system in miniature, without
/// outcomes, as a node in Go.
#[derive(Default)]
pub(crate) struct Workers {
    running: Mutex<BTreeMap<String, Vec<String>>>,
    /// The inputs of all spawns.
    inputs: Mutex<Vec<Option<Bytes>>>,
}

impl Workers {
    pub(crate) fn running(&self) -> usize {
        self.running.lock().unwrap().len()
    }

    pub(crate) fn inputs(&self) -> Vec<Option<Bytes>> {
        self.inputs.lock().unwrap().clone()
    }
}

#[async_trait]
impl WireEndpoint for Workers {
    async fn deliver_wire(&self, to: &ActorRef, event: Bytes, _: Option<&str>) -> Result<Delivered, Error> {
        let event: Value = match event.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&event).map_err(|error| bad(&to.id, error.to_string()))?,
        };
        let event = match event {
            Value::Null => String::new(),
            Value::String(event) => event,
            other => return Err(bad(&to.id, format!("{other} is no text"))),
        };
        if !to.node.is_empty() && to.node != NODE {
            return Err(Error::WrongNode {
                id: to.id.clone(),
                wanted: to.node.clone(),
                node: NODE.to_owned(),
            });
        }
        let mut running = self.running.lock().unwrap();
        let Some(events) = running.get_mut(&to.id) else {
            return Ok(Delivered::NOBODY);
        };
        match &*event {
            "finish" => drop(running.remove(&to.id)),
            _ => events.push(event),
        }
        Ok(Delivered::to_actor(None))
    }

    async fn spawn_wire(&self, src: &str, id: &str, input: Option<Bytes>) -> Result<ActorRef, Error> {
        if src != "worker" {
            return Err(Error::UnknownSource {
                id: id.to_owned(),
                src: src.to_owned(),
                node: NODE.to_owned(),
            });
        }
        let is_object = |input: &Bytes| serde_json::from_slice::<Value>(input).is_ok_and(|it| it.is_object());
        if !input.as_ref().is_none_or(is_object) {
            return Err(bad(id, "the input is no object".to_owned()));
        }
        self.inputs.lock().unwrap().push(input);
        self.running.lock().unwrap().entry(id.to_owned()).or_default();
        Ok(ActorRef {
            src: src.to_owned(),
            ..ActorRef::on(NODE, id)
        })
    }
}

fn bad(id: &str, reason: String) -> Error {
    Error::BadPayload {
        id: id.to_owned(),
        reason,
    }
}

/// The snapshots of instances, by step.
pub(crate) struct History(pub(crate) BTreeMap<String, BTreeMap<i64, Bytes>>);

impl History {
    /// `counter-1` with the steps -1 to 1.
    pub(crate) fn counter() -> Self {
        let states = [(-1, "a"), (0, "b"), (1, "c")];
        let snapshots = states.map(|(step, current)| (step, format!(r#"{{"current":"{current}"}}"#).into()));
        History([("counter-1".to_owned(), snapshots.into())].into())
    }

    fn find(&self, id: &str) -> Result<&BTreeMap<i64, Bytes>, HistoryError> {
        let found = self.0.get(id);
        found.ok_or_else(|| HistoryError::NotFound { id: id.to_owned() })
    }
}

#[async_trait]
impl TimeTravel for History {
    async fn state_at(&self, id: &str, step: i64) -> Result<Bytes, HistoryError> {
        let snapshots = self.find(id)?;
        let snapshot = snapshots.get(&step).cloned();
        snapshot.ok_or_else(|| HistoryError::OutOfRange {
            id: id.to_owned(),
            step,
            first: -1,
            last: snapshots.last_key_value().map_or(-1, |(step, _)| *step),
        })
    }

    async fn steps(&self, id: &str) -> Result<Vec<i64>, HistoryError> {
        Ok(self.find(id)?.keys().copied().filter(|step| *step >= 0).collect())
    }
}

/// Says of each delivery what its event names, and remembers message ids.
#[derive(Default)]
pub(crate) struct Telling {
    pub(crate) ids: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl WireEndpoint for Telling {
    async fn deliver_wire(&self, _: &ActorRef, event: Bytes, id: Option<&str>) -> Result<Delivered, Error> {
        self.ids.lock().unwrap().push(id.map(str::to_owned));
        Ok(Delivered::to_actor(match &event[..] {
            b"1" => Outcome::Handled,
            b"2" => Outcome::Ignored,
            b"3" => Outcome::Rejected("not é now".to_owned()),
            _ => Outcome::Failed("broken".to_owned()),
        }))
    }

    async fn spawn_wire(&self, _: &str, id: &str, _: Option<Bytes>) -> Result<ActorRef, Error> {
        Ok(ActorRef::local(id))
    }
}
