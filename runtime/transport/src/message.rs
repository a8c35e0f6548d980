//! The messages, as JSON. Spec: cluster 2.3.
//!
//! Members are written in the order of the fields. Members that Go's implementation does not have are written only when
//! they are set, and it ignores them.

use bytes::Bytes;
use serde::Serialize;
use serde::de::MapAccess;
use squall_cluster::ActorRef;

use crate::json::{Fields, Flag, Integer, Integers, Member, Octets, Record, Text, write_base64};

/// An event for an actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DeliverRequest {
    #[serde(rename = "ref")]
    pub(crate) to: ActorRef,
    /// JSON text; empty: the zero event.
    #[serde(skip_serializing_if = "Bytes::is_empty", serialize_with = "write_base64")]
    pub(crate) event: Bytes,
    /// Ours. Empty: none.
    #[serde(rename = "messageId", skip_serializing_if = "String::is_empty")]
    pub(crate) message_id: String,
}

/// Whether the actor was running.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DeliverResponse {
    pub(crate) delivered: bool,
}

/// An actor to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SpawnRequest {
    pub(crate) src: String,
    pub(crate) id: String,
    /// JSON text of an object; empty: no input.
    #[serde(skip_serializing_if = "Bytes::is_empty", serialize_with = "write_base64")]
    pub(crate) input: Bytes,
}

/// The reference of the actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SpawnResponse {
    #[serde(rename = "ref")]
    pub(crate) actor: ActorRef,
}

/// A step of a durable instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StateAtRequest {
    pub(crate) id: String,
    pub(crate) step: i64,
}

/// The state after that step, as JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StateAtResponse {
    #[serde(serialize_with = "write_base64")]
    pub(crate) snapshot: Bytes,
}

/// A durable instance. Ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StepsRequest {
    pub(crate) id: String,
}

/// Its recorded steps. Ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StepsResponse {
    pub(crate) steps: Vec<i64>,
}

/// How the members of a record are read, by their names in lower case.
macro_rules! fields {
    ($($record:ty { $($name:literal => $seed:ident($field:ident)),* })*) => {$(
        impl Fields for $record {
            fn field<'de, A: MapAccess<'de>>(
                &mut self,
                name: &str,
                member: Member<'_, A>,
            ) -> Result<(), A::Error> {
                match name {
                    $($name => member.read($seed(&mut self.$field)),)*
                    _ => member.ignore(),
                }
            }
        }
    )*};
}

fields! {
    ActorRef {
        "id" => Text(id),
        "systemid" => Text(system_id),
        "src" => Text(src),
        "node" => Text(node)
    }
    DeliverRequest {
        "ref" => Record(to),
        "event" => Octets(event),
        "messageid" => Text(message_id)
    }
    DeliverResponse { "delivered" => Flag(delivered) }
    SpawnRequest {
        "src" => Text(src),
        "id" => Text(id),
        "input" => Octets(input)
    }
    SpawnResponse { "ref" => Record(actor) }
    StateAtRequest {
        "id" => Text(id),
        "step" => Integer(step)
    }
    StateAtResponse { "snapshot" => Octets(snapshot) }
    StepsRequest { "id" => Text(id) }
    StepsResponse { "steps" => Integers(steps) }
}

#[cfg(test)]
mod tests;
