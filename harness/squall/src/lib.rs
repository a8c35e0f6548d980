//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.

pub mod assembly;
pub mod calls;
pub mod components;
pub mod expectation;
pub mod history;
pub mod journal;
pub mod oracle;
pub mod plan;
pub mod report;
mod run;
pub mod statistics;
#[cfg(test)]
mod testing;
pub mod time;
pub mod verdict;

pub use run::{Difference, Failure, Front, Harness, Run, compare};
/// What components are made of.
pub use squall_router as router;
