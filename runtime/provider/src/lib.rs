//! The server of the Constellation Module Provider Protocol. Spec: provider sections 1 and 2.
//!
//! Services of other processes register modules at a [`Manager`], which calls them. The manager is an
//! [`Engine`](squall_engine::Engine) that wraps another one: whoever calls a module need not know whose it is.
//!
//! | subject | file |
//! |---|---|
//! | the manager, its lock, and what follows from a change | `manager` |
//! | what it can be told | `config` |
//! | may a provider have what it asks for? | `registration`, [`address`], [`names`] |
//! | who is there, and in which state | `table`, `info` |
//! | heartbeats, reports, drains, timeouts | `control` |
//! | calls: deadline, failover, what an answer means | `call`, `in_flight` |
//! | whose turn it is | [`pool`] |
//! | what providers can call, and how that ends | `server` |
//! | what happened, for machines, and for people | `events`, `identifiers`; `log` |
//! | how much and how long, for Prometheus | `metrics` |
//!
//! What it promises: a namespace has one owner at a time, a provider or a group of providers with the same modules.
//! A request is accepted as a whole or leaves no trace. A member that leaves takes nothing from the others. A call
//! ends once, with an output of the declared type or an error that says whether it may have happened; never later
//! than its deadline; and at a second member only when the first has certainly not got it.
//!
//! Deliberately absent: authentication and TLS, as upstream; and persistence, for providers register again.

pub mod address;
mod call;
mod config;
mod control;
mod events;
mod identifiers;
mod in_flight;
mod info;
mod log;
mod manager;
mod metrics;
pub mod names;
pub mod pool;
mod registration;
mod server;
mod table;
mod turns;

pub use config::{Config, ConfigError};
pub use info::{ProviderInfo, State};
pub use manager::Manager;
pub use metrics::CONTENT_TYPE;
pub use server::{Drained, Server};
pub use squall_grpc::ServeError;
