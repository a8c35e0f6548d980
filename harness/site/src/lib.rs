//! Where a gRPC service of one's own runs: a host of the simulator, or real sockets. The service is the same on both, and
//! as anybody writes it with tonic:
//!
//! ```no_run
//! # async fn serve(site: squall_site::Site) -> Result<(), Box<dyn std::error::Error>> {
//! let (reporter, health) = tonic_health::server::health_reporter();
//! tonic::transport::Server::builder()
//!     .add_service(health)
//!     .serve_with_incoming(site.listen(50051).await?)
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! What a service changes in its own code:
//!
//! | in place of | it says |
//! |---|---|
//! | `Server::builder()`..`.serve(address)` | `.serve_with_incoming(site.listen(port).await?)` |
//! | `Endpoint`..`.connect().await` | `.connect_with_connector(site.connector()).await` |
//! | `Endpoint`..`.connect_lazy()` | `.connect_with_connector_lazy(site.connector())` |
//! | `tokio::net::TcpListener`, `TcpStream` | [`net::TcpListener`], [`net::TcpStream`] |
//!
//! | room | what lives there |
//! |---|---|
//! | [`Site`] | what a service is given: listening, connecting, tasks, time |
//! | [`net`] | `TcpListener` and `TcpStream`, in place of tokio's: they find the host that they are on |
//! | [`Incoming`], [`Connector`] | what tonic's server and endpoint take |
//! | [`layer`] | layers that say when a call, and its handler, begins and ends |
//! | [`events`] | what they say |
//! | [`Names`] | where hosts are, on real sockets |
//!
//! # What a kill and a pause are for such a service
//!
//! tonic starts tasks with `tokio::spawn`, and so do services. On a simulated host they belong to the process that started
//! them if the host adopts them, as [`squall_sim::HostOptions::adopts`] says; it also says what remains of them after a
//! kill. In short: their connections are gone at that instant, and none of them reaches the network again. More precisely:
//!
//! | a task | once its process is dead | while it is paused |
//! |---|---|---|
//! | the service's main, and those of [`Site::spawn`] | is dropped at that instant | is not polled |
//! | that waits for a connection, or reads of one | ends at that instant | what has come waits for the end of the pause |
//! | a handler of tonic's server | ends with its connection, at that instant | behind [`Site::layer_server`] it is not polled |
//! | that calls through a channel | has an error of the call in the works, and waits for ever in its next one; behind [`Site::layer_client`] it ends there. With [`Site::executor`] it waits in the one in the works | the call waits; behind [`Site::layer_client`] it is not begun |
//! | that waits for a timer of tokio | goes on when it is due, until it comes to one of the above | the same |
//!
//! Deliberately absent: TLS of our own (`Incoming` and `Connector` carry bytes, which may be those of TLS), UDP, Unix sockets.

mod address;
mod connector;
pub mod events;
mod incoming;
pub mod layer;
mod names;
pub mod net;
mod site;

pub use connector::Connector;
pub use incoming::Incoming;
pub use names::Names;
pub use net::{TcpListener, TcpStream};
pub use site::{Executor, Site};
