//! TinySystems cross-module messaging: a scheduler, a client pool and a gRPC server for one process.
//!
//! A [`Module`] is one process. It has *nodes* (instances of [`Component`]s), whose output ports are
//! joined by [`Edge`]s to input ports of other nodes. A [`Message`] goes to the [`Scheduler`], which
//! hands it to a local instance, or sends it to the module that owns the node and waits for the answer. A component
//! does not see the difference.
//!
//! | subject | file |
//! |---|---|
//! | one process, its nodes and its peers | `module` |
//! | local or remote? who owns the node? | `scheduler`, `directory`, `destination`, `names` |
//! | sources of owners and endpoints, and their changes | [`discovery`] |
//! | one message handled here, once | `delivery`, `duplicates`, `keys`, `system` |
//! | one call across modules: deadline, trace, classification | `hop`, `classify` |
//! | retries | `retry` |
//! | connections: single flight, backoff, round robin | `pool` |
//! | the server for other modules, and its shutdown | `server` |
//! | protobuf, metadata and headers, by method | `wire`, `trace` |
//! | the interface of components | `component`, `edge`, `error_port`, `message`, `payload` |
//! | the current edges of a node | `routes` |
//! | errors and events | `error`, `events` |
//! | counters and latencies for Prometheus | [`metrics`] |
//!
//! A call ends once, with a value, no value, or an [`Error`] that says whether it may have happened ([`Outcome`]). It
//! ends never later than its deadline, and without a second attempt unless a [`RetryPolicy`] allows one. Even then, a
//! message is sent again only in three cases: certainly no component has begun with it (a component's report of a
//! failure is not enough), its component calls the error retryable, or it has an idempotency key. With a key, one
//! process handles it to its end at most once within [`Options::duplicate_window`]. A call that dies with its process
//! may be executed again by another one.
//!
//! Concurrency is not bounded unless an option says so: blocking calls nest, so any bound can deadlock. Calls beyond
//! a bound are refused, never queued. Messages have no order.
//!
//! Other modules may be other implementations: the server has both methods of `module.ModuleService`, and a peer is
//! called by the method that it has ([`Method`]). A server ends by draining ([`Server::run_until`]).
//!
//! Not here yet: TLS.

mod classify;
mod component;
mod delivery;
mod destination;
mod directory;
pub mod discovery;
mod duplicates;
mod edge;
mod error;
mod error_port;
mod events;
mod fan_out;
mod hop;
mod keys;
mod message;
pub mod metrics;
mod module;
pub mod names;
mod options;
mod payload;
mod pool;
mod retry;
mod routes;
mod scheduler;
mod server;
mod signal;
mod system;
mod trace;
mod unwind;
mod wire;

pub use async_trait::async_trait;
pub use component::{Component, Input};
pub use destination::{Destination, Format};
pub use discovery::Discovery;
pub use edge::{Edge, Emission, Output, Policy};
pub use error::{ComponentError, Error, Kind, Outcome, RemoteError};
pub use error_port::error_text;
pub use message::{Context, Message};
pub use module::Module;
pub use options::Options;
pub use payload::{ContentType, Payload};
pub use pool::{ConnectionState, EndpointState, PeerState};
pub use retry::RetryPolicy;
pub use scheduler::Scheduler;
pub use server::{Drained, Server};
pub use squall_grpc::{Keepalive, Limits, PingPolicy, Refusal, ServeError};
pub use squall_platform::Authority;
pub use system::{Client, Identity, SystemPort};
pub use trace::TraceContext;
pub use wire::Method;
