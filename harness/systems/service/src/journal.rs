//! Journal events of gRPC calls between services with recording layers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_core::calls::{Folding, Handled, Moment, Rpc};
use squall_core::journal::{Entry, Event, EventKind, Id, RpcEnd, SystemEvent};

/// How to read them from a file.
pub const KIND: EventKind = EventKind {
    kinds: &["rpc"],
    read: |value| {
        let Tagged::Rpc(event) = serde_json::from_value::<Tagged<RpcEvent>>(value)?;
        Ok(Event::of(event))
    },
};

/// An event of a gRPC call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum RpcEvent {
    /// A client starts a call.
    CallStarted {
        /// The call.
        span: Id,
        /// The call whose handler makes it, or the trace of a workload's call; 0 for neither.
        parent: Id,
        /// The server as `host:port`; empty if unknown.
        peer: Arc<str>,
        /// The service.
        service: Arc<str>,
        /// The method of it.
        method: Arc<str>,
    },
    /// Its response is complete, or the client cancelled it.
    CallEnded {
        /// The call.
        span: Id,
        /// How.
        end: RpcEnd,
    },
    /// A server starts to handle a call.
    HandlerStarted {
        /// The call; 0 if its client has no layer.
        span: Id,
        /// The service.
        service: Arc<str>,
        /// The method of it.
        method: Arc<str>,
    },
    /// Its response is complete, or the server dropped it.
    HandlerEnded {
        /// The call; 0 if its client has no layer.
        span: Id,
        /// How.
        end: RpcEnd,
    },
}

/// Lines have the event's owner, then its kind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Tagged<E> {
    Rpc(E),
}

impl From<RpcEvent> for Event {
    fn from(event: RpcEvent) -> Self {
        Event::of(event)
    }
}

impl SystemEvent for RpcEvent {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(Tagged::Rpc(self))
    }

    fn fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>) {
        let moment = Moment::of(entry);
        match self {
            RpcEvent::CallStarted {
                span,
                parent,
                peer,
                service,
                method,
            } => folding.start_rpc(Rpc {
                span: *span,
                parent: *parent,
                call: None,
                host: &entry.host,
                peer,
                service,
                method,
                started: moment,
                end: None,
                handled: Vec::new(),
            }),
            RpcEvent::CallEnded { span, end } => {
                if let Some(rpc) = folding.rpc_mut(*span) {
                    rpc.end.get_or_insert((moment, end));
                }
            }
            RpcEvent::HandlerStarted { span, .. } => {
                if let Some(rpc) = folding.rpc_mut(*span) {
                    rpc.handled.push(Handled {
                        host: &entry.host,
                        started: moment,
                        end: None,
                    });
                }
            }
            RpcEvent::HandlerEnded { span, end } => {
                let rpc = folding.rpc_mut(*span);
                let handled =
                    rpc.and_then(|rpc| rpc.handled.iter_mut().rev().find(|it| *it.host == *entry.host));
                if let Some(handled) = handled {
                    handled.end.get_or_insert((moment, end));
                }
            }
        }
    }
}
