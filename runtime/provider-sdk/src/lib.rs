//! The provider's side of the Constellation Module Provider Protocol. Spec: provider section 3.
//!
//! A provider registers modules of one namespace at one or several managers, which call it back.
//!
//! ```no_run
//! use squall_platform::{Authority, TokioPlatform};
//! use squall_provider_sdk::{CType, CValue, Config, HandlerError, Module, Provider};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let text = || CType::product([("text", CType::String)]);
//! let provider = Provider::builder(TokioPlatform::new(), "ml")
//!     .managers([Authority::from_static("localhost:9090")])
//!     .config(Config {
//!         group: Some("ml-pool".to_owned()),
//!         ..Config::default()
//!     })
//!     .module(Module::new("Echo", text(), text(), |input: CValue, _| async move { Ok(input) }))
//!     .module(Module::typed("Length", CType::String, CType::Int, |text: String| async move {
//!         Ok::<_, HandlerError>(text.len())
//!     }).version("1.0.0"))
//!     .build()?;
//! let running = provider.start().await?;
//! // ... until it is to end:
//! running.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! | subject | file |
//! |---|---|
//! | building, starting, running, stopping | `provider` |
//! | inspection and control while it runs | `handle` |
//! | a module, all modules, their names | `module`, `modules`, `names` |
//! | calls of managers | `executor`, `failure`, `unwind` |
//! | the connection to one manager: states, heartbeats, reconnecting, draining | `instance` |
//! | all connections, as managers come and go | `fleet`, `discovery` |
//! | new modules for one instance after the other | `canary` |
//! | configuration | `config` |
//! | `tracing` events | `events` |
//!
//! Time is tokio's clock, tasks and sockets are the platform's; tasks end with the provider.
//!
//! Deliberately absent: TLS and authentication, which the protocol does not have; checks of inputs and outputs
//! against the declared types, which the manager makes; its own deadlines: a handler has its caller's.

mod canary;
mod config;
mod discovery;
mod error;
mod events;
mod executor;
mod failure;
mod fleet;
mod handle;
mod instance;
mod module;
mod modules;
mod names;
mod provider;
mod signal;
mod unwind;

pub use async_trait::async_trait;
pub use canary::CanaryOutcome;
pub use config::{Canary, Config, Ratio};
pub use discovery::{DEFAULT_PORT, Discover, DiscoverError, Dns, Static};
pub use error::{BuildError, ConnectError, Rejection, StartError};
pub use failure::HandlerError;
pub use handle::Handle;
pub use instance::{InstanceStatus, State};
pub use module::{Context, Module};
pub use names::NameError;
pub use provider::{Builder, Provider, Running};
pub use squall_grpc::Dial;
pub use squall_platform::Authority;
pub use squall_value::{CType, CValue, Limits};
