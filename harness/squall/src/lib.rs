//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.

pub mod components;
pub mod journal;
pub mod plan;
mod run;

pub use run::{Difference, Failure, Front, Harness, Run, compare};
/// What components are made of.
pub use squall_router as router;
