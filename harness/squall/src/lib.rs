//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.

mod draw;
pub mod file;
pub mod journal;
pub mod plan;
pub mod scenario;
pub mod schema;
mod units;
