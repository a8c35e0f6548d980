//! The cluster runtime over gRPC: deliveries and spawns between nodes, and the past of durable instances, on the wire of
//! crucible's transport. Spec: cluster section 2.
//!
//! There is no protobuf: messages are JSON, and the descriptors are written by hand. A server:
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use squall_platform::TokioPlatform;
//! use squall_transport::{Node, Server};
//!
//! # async fn example(
//! #     system: Arc<dyn squall_cluster::WireEndpoint>,
//! #     history: Arc<dyn squall_cluster::TimeTravel>,
//! #     shutdown: impl Future<Output = ()>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let platform = TokioPlatform::new();
//! let node = Node::builder(platform.clone()).endpoint(system).time_travel(history).build();
//! let server = Server::bind(platform, 7000, node).await?;
//! server.run_until(shutdown, Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! On a tonic server of the user's own: `Routes::new(node.transport_service()).add_service(node.time_travel_service())`.
//!
//! A client, which is the transport of a system:
//!
//! ```no_run
//! use squall_platform::{Authority, TokioPlatform};
//! use squall_transport::Transport;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = Transport::new(TokioPlatform::new());
//! transport.add_node("node-b", Authority::from_static("10.0.0.2:7000"));
//! let snapshot = transport.state_at("node-b", "counter-1", 3).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | subject | file |
//! |---|---|
//! | services and methods | `method` |
//! | messages, as JSON of Go's kind | `message`, `json` |
//! | messages in bodies | `frame` |
//! | errors as statuses, and back | `status` |
//! | texts in headers | `percent` |
//! | serving a node | `server` |
//! | calling nodes | `client` |
//! | panics of foreign code | `unwind` |
//!
//! Deliberately absent: TLS, which the platform's streams do not have ([`Interceptor`] authorises calls by their headers);
//! compression; health and reflection services, which crucible's nodes do not have; streams.

mod client;
mod frame;
mod json;
mod message;
mod method;
mod percent;
mod server;
mod status;
mod unwind;

pub use async_trait::async_trait;
pub use client::{ClientConfig, QueryError, Transport};
pub use method::{Method, TIME_TRAVEL, TRANSPORT};
pub use server::{
    Builder, Interceptor, Node, Rpc, Server, ServerConfig, TimeTravelService, TransportService,
};
/// A tower service for [`Server::bind`]: `Layered(layer.layer(node))`.
pub use squall_grpc::Tonic as Layered;
pub use squall_platform::Authority;

/// The longest message by default, in bytes of its JSON: that of grpc-go. A payload of 3,145,000 bytes fits.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
