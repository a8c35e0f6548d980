//! The site of a gRPC service: a host of the simulator, or real sockets. The service is the same on both, and written
//! with tonic as usual:
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
//! Required changes in a service's code:
//!
//! | before | after |
//! |---|---|
//! | `Server::builder()`..`.serve(address)` | `.serve_with_incoming(site.listen(port).await?)` |
//! | `Endpoint`..`.connect().await` | `.connect_with_connector(site.connector()).await` |
//! | `Endpoint`..`.connect_lazy()` | `.connect_with_connector_lazy(site.connector())` |
//! | `tokio::net::TcpListener`, `TcpStream` | [`net::TcpListener`], [`net::TcpStream`] |
//!
//! | module | contents |
//! |---|---|
//! | [`Site`] | a service's access to its host: listening, connecting, tasks, time |
//! | [`net`] | `TcpListener` and `TcpStream`, in place of tokio's: they detect the current host |
//! | [`Incoming`], [`Connector`] | adapters for tonic's server and endpoint |
//! | [`layer`] | layers that record the start and end of calls and handlers |
//! | [`events`] | the recorded events |
//! | [`Names`] | addresses of hosts, on real sockets |
//!
//! # Effects of kill and pause
//!
//! tonic starts tasks with `tokio::spawn`, and so do services. On a simulated host that adopts tasks they belong to the
//! process that started them; see [`squall_sim::HostOptions::adopts`], also for what remains of them after a kill. In
//! short: their connections are closed at that instant, and none of them can use the network again. In detail:
//!
//! | a task | once its process is dead | while it is paused |
//! |---|---|---|
//! | the service's main, and tasks of [`Site::spawn`] | is dropped at that instant | is not polled |
//! | that waits for a connection, or reads from one | ends at that instant | received data waits for the end of the pause |
//! | a handler of tonic's server | ends with its connection, at that instant | behind [`Site::layer_server`] it is not polled |
//! | that calls through a channel | gets an error for the call in flight, and is pending forever in its next one; behind [`Site::layer_client`] it ends there. With [`Site::executor`] it is pending in the call in flight | the call waits; behind [`Site::layer_client`] it does not start |
//! | that waits for a timer of tokio | continues when it is due, until it reaches one of the above | the same |
//!
//! Deliberately absent: our own TLS (`Incoming` and `Connector` carry bytes, including those of TLS), UDP, Unix sockets.

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
