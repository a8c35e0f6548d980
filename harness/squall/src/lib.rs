//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.

pub mod journal;
pub mod plan;
