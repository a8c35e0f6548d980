//! The server of the Constellation Module Provider Protocol. Spec: provider sections 1 and 2.
//!
//! Services in other processes register modules at a [`Manager`], which calls them. The manager is an
//! [`Engine`](squall_engine::Engine) that wraps another one: a caller need not know which process has a module.
//!
//! | subject | file |
//! |---|---|
//! | the manager, its lock, and the consequences of a change | `manager` |
//! | configuration | `config` |
//! | checks of a registration | `registration`, [`address`], [`names`] |
//! | registered providers, and their states | `table`, `info` |
//! | heartbeats, reports, drains, timeouts | `control` |
//! | calls: deadline, failover, meaning of a response | `call`, `in_flight` |
//! | round robin | [`pool`] |
//! | the server for providers, and its shutdown | `server` |
//! | events for machines, and a log for people | `events`, `identifiers`; `log` |
//! | counters and latencies for Prometheus | `metrics` |
//!
//! Guarantees: a namespace has one owner at a time, a provider or a group of providers with the same modules. A
//! request is accepted as a whole or has no effect. A member that leaves does not affect the others. A call ends
//! once, with an output of the declared type or an error that says whether it may have happened; never later than its
//! deadline; and it reaches a second member only if the first has certainly not received it.
//!
//! Deliberately absent: authentication and TLS, as in upstream; and persistence, because providers register again.

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
