//! What runs of any system have in common: scenarios, faults, workloads, the journal, and judgements about it. No system
//! is named here. Each is a crate in `harness/systems`, and the crate `squall` joins them.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports.
//!
//! | module | contents |
//! |---|---|
//! | [`mod@file`], [`scenario`], [`plan`], [`schema`] | files, their checked content, and the plan drawn from a seed |
//! | [`faults`], [`target`] | faults, one file per kind; what workloads call |
//! | [`lists`], [`hosting`] | what a system adds to files, journals and judgements, and how its hosts start |
//! | [`registry`], [`custom`] | user code by name, and user-defined keys of files |
//! | [`run`] | a run in the simulator |
//! | [`journal`], [`history`], [`network`], [`calls`] | what happened |
//! | [`oracle`], [`expectation`], [`verdict`] | judgements about it |
//! | [`statistics`], [`report`], [`capture`], [`time`] | reports about it |
//! | [`testing`] | journals written by hand, for tests of oracles |

pub mod calls;
pub mod capture;
pub mod custom;
pub mod draw;
pub mod expectation;
pub mod faults;
pub mod file;
pub mod graph;
pub mod history;
pub mod hosting;
pub mod journal;
mod judged;
pub mod lists;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod registry;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schema;
pub mod statistics;
pub mod target;
pub mod testing;
pub mod time;
pub mod units;
mod vacuous;
pub mod verdict;

pub use judged::Judgement;
