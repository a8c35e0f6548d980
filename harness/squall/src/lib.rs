//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.

pub mod calls;
pub mod expectation;
pub mod history;
pub mod journal;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod statistics;
#[cfg(test)]
mod testing;
pub mod time;
pub mod verdict;
