//! Actors on the nodes of a cluster. Spec: cluster section 3.
//!
//! | subject | file |
//! |---|---|
//! | the name of an actor, wherever it runs | `reference` |
//! | errors | `error` |
//! | deliveries and spawns on other nodes | `transport` |
//! | a node as its server sees it | `wire` |
//! | the past of durable instances, read-only | `history` |
//!
//! Deliberately absent: gRPC, which is a crate of its own. Nothing here opens a socket.

mod error;
mod history;
mod reference;
mod transport;
mod wire;

pub use async_trait::async_trait;
pub use error::Error;
pub use history::{BASELINE_STEP, HistoryError, TimeTravel};
pub use reference::ActorRef;
pub use transport::{CallOptions, Delivered, Outcome, Transport};
pub use wire::WireEndpoint;
