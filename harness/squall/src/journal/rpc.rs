//! What a journal line can say of gRPC calls between services, where they have the layers that say so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Id;

/// What happened to a gRPC call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum RpcEvent {
    /// A client calls.
    CallStarted {
        /// The call.
        span: Id,
        /// The call within whose handler it is made, or the trace of a workload's call; 0 for neither.
        parent: Id,
        /// `host:port` that is called; empty when nobody says.
        peer: Arc<str>,
        /// The service.
        service: Arc<str>,
        /// The method of it.
        method: Arc<str>,
    },
    /// Its answer is complete, or the client gave it up.
    CallEnded {
        /// The call.
        span: Id,
        /// How.
        end: RpcEnd,
    },
    /// A server handles a call.
    HandlerStarted {
        /// The call; 0 when its client has no layer.
        span: Id,
        /// The service.
        service: Arc<str>,
        /// The method of it.
        method: Arc<str>,
    },
    /// Its answer is complete, or the server gave it up.
    HandlerEnded {
        /// The call; 0 when its client has no layer.
        span: Id,
        /// How.
        end: RpcEnd,
    },
}

/// How a gRPC call ended, as one of its ends saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RpcEnd {
    /// With this status code; 0 is ok.
    Status(u64),
    /// By an error of the transport.
    Transport(Arc<str>),
    /// Whoever waited for it gave up.
    Dropped,
}
