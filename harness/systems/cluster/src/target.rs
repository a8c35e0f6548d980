//! `deliver`: an event for an actor of a node.

use std::sync::Arc;

use serde_json::Value;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, Outcome as Did};
use squall_core::hosting::Systems;
use squall_core::journal::{Id, Outcome};
use squall_core::target::{CALL_NUMBER, Causes, Ended, Prepared, Request, Target};
use xxhash_rust::xxh3::xxh3_64;

use super::Nodes;

/// Class of calls that the actor rejects, or ignores: the message is nothing to it.
pub(crate) const REJECTED: &str = "rejected";
/// Class of calls by which the actor failed.
pub(crate) const ACTOR_FAILED: &str = "actor_failed";
/// Class of calls whose actor does not run.
pub(crate) const NOT_DELIVERED: &str = "not_delivered";

/// Deliveries of an event to an actor.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The id of the actor.
    pub actor: String,
    /// Its node. It exists, and spawns such an actor when it starts.
    pub node: String,
    /// The event of every call, as JSON.
    pub payload: Value,
}

impl Target for Delivery {
    fn text(&self) -> String {
        format!("{}@{}", self.actor, self.node)
    }

    /// None are recorded: the journal has the events of the actor.
    fn causes(&self) -> Causes {
        Causes::Rpcs
    }

    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>> {
        Some(Box::new(Deliveries {
            to: ActorRef::on(&*self.node, &*self.actor).into(),
            event: self.payload.to_string(),
            nodes: systems.get::<Nodes>()?.clone(),
        }))
    }
}

/// The id of the message of the call with this trace: it may be sent again.
pub(crate) fn message_id(trace: Id) -> String {
    trace.to_string()
}

struct Deliveries {
    to: Arc<ActorRef>,
    /// JSON, with [`CALL_NUMBER`] in it or not.
    event: String,
    nodes: Nodes,
}

impl Prepared for Deliveries {
    fn request(&self, call: u64, trace: u128) -> Request {
        let text = self.event.replace(CALL_NUMBER, &call.to_string());
        // Digits within a string leave it one.
        let event = serde_json::from_str(&text).unwrap_or_default();
        let (nodes, to) = (self.nodes.clone(), self.to.clone());
        Request {
            bytes: text.len() as u64,
            digest: Id(xxh3_64(text.as_bytes())),
            make: Box::new(move |process, timeout| {
                Box::pin(async move {
                    let options = CallOptions {
                        timeout: Some(timeout),
                        message_id: Some(message_id(Id(trace as u64))),
                    };
                    ended(nodes.deliver(&process, &to, event, &options).await)
                })
            }),
        }
    }
}

fn ended(result: Result<Delivered, Error>) -> Ended {
    let failed = |class, why: &str| Ended::broken(Outcome::Failed, class, why);
    let delivered = match result {
        Ok(delivered) => delivered,
        Err(error) => {
            let outcome = match error.may_have_happened() {
                true => Outcome::Unknown,
                false => Outcome::Failed,
            };
            return Ended::broken(outcome, class(&error), &error.to_string());
        }
    };
    match delivered.outcome {
        _ if !delivered.delivered => failed(NOT_DELIVERED, "no such actor runs"),
        Some(Did::Handled) => Ended::ok(0, Id::NONE),
        Some(Did::Ignored) => failed(REJECTED, "the event is nothing to the actor"),
        Some(Did::Rejected(why)) => failed(REJECTED, &why),
        Some(Did::Failed(why)) => failed(ACTOR_FAILED, &why),
        _ => Ended::broken(
            Outcome::Unknown,
            "unknown",
            "the node does not say what the actor did",
        ),
    }
}

fn class(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { .. } => "unavailable",
        Error::DeadlineExceeded { .. } => "timeout",
        Error::Cancelled { .. } => "cancelled",
        Error::NoTransport { .. } | Error::NodeUnreachable { .. } => "not_discovered",
        Error::BadPayload { .. } => "serialization",
        Error::Overflow { .. } => "resource_exhausted",
        Error::WrongNode { .. } | Error::Stale { .. } => "failed_precondition",
        _ => "remote_error",
    }
}

#[cfg(test)]
mod tests {
    use squall_core::calls::all_error_classes;

    use super::*;

    #[test]
    fn every_class_is_known() {
        let node = || "node-b".to_owned();
        let errors = [
            Error::Unavailable {
                node: node(),
                reason: String::new(),
                may_have_happened: true,
            },
            Error::DeadlineExceeded { node: node() },
            Error::Cancelled { node: node() },
            Error::NodeUnreachable { node: node() },
            Error::BadPayload {
                id: node(),
                reason: String::new(),
            },
            Error::Overflow { id: node(), limit: 1 },
            Error::Stale {
                id: node(),
                reason: String::new(),
            },
            Error::Remote {
                node: node(),
                code: 2,
                message: String::new(),
            },
        ];
        let classes = errors.iter().map(class);
        for class in classes.chain([REJECTED, ACTOR_FAILED, NOT_DELIVERED, "unknown"]) {
            assert!(all_error_classes().any(|known| known == class), "{class}");
        }
    }
}
