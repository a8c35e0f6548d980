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
//! kill. In short: their connections are gone at that instant, and none of them reaches the network again. A loop of
//! `tokio::spawn` that calls through a channel waits for ever in its next call. Behind [`Site::layer_client`] it ends
//! there; what a handler still has to do after a pause in it is not done behind [`Site::layer_server`]; and a task of
//! [`Site::spawn`] ends at once.
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
