//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports. In a test, begin with [`Harness`].
//!
//! | module | contents |
//! |---|---|
//! | [`mod@file`], [`scenario`], [`plan`], [`schema`] | files, their checked content, and the plan drawn from a seed |
//! | [`faults`] | faults: one file per kind |
//! | `systems` | the parts of each system: hosts, targets, events, faults, oracles |
//! | [`components`], [`assembly`] | what nodes run, and how a module is put together, on any platform |
//! | [`Site`], [`Call`], [`CallError`] | user-defined services and clients |
//! | [`Harness`], [`Run`] | a run in the simulator |
//! | [`journal`], [`history`], [`calls`], [`providers`] | what happened |
//! | [`oracle`], [`expectation`], [`verdict`] | judgements about it |
//! | [`statistics`], [`report`], [`capture`], [`time`] | reports about it |
//! | [`import`] | from TinyNode and TinyModule manifests to a topology |
//! | [`live`] | the same topology on real sockets, with measurements |
//! | [`cli`] | the command line |

pub mod calls;
pub mod capture;
pub mod cli;
mod custom;
mod draw;
pub mod expectation;
pub mod faults;
pub mod file;
mod graph;
mod harness;
pub mod history;
mod hosting;
pub mod journal;
mod judged;
mod lists;
pub mod live;
pub mod network;
pub mod oracle;
pub mod plan;
mod registry;
pub mod report;
mod run;
pub mod scenario;
pub mod schema;
pub mod statistics;
mod systems;
pub mod target;
#[cfg(test)]
mod testing;
pub mod time;
mod units;
mod vacuous;
pub mod verdict;

pub use custom::{CustomExpect, CustomExpectation, CustomFault, Finding, HostNames, Section, System};
pub use harness::Harness;
pub use judged::Judgement;
pub use registry::{Declaration, NoSettings};
pub use run::{Difference, End, Failure, PanicSite, Run, RunError, Scene, compare};
pub use scenario::Scenario;
/// For the settings of user-defined components: `#[derive(squall::schemars::JsonSchema)]` with
/// `#[schemars(crate = "squall::schemars")]`, see [`Declaration::of`].
pub use schemars;
/// The types that components are written with.
pub use squall_router as router;
/// For [`faults::FaultKind`] and components.
pub use squall_router::async_trait;
/// Replacements for tokio's `TcpListener` and `TcpStream`, for services that do not use gRPC.
pub use squall_site::net;
pub use systems::provider::evidence as providers;
pub use systems::router::{Front, import};
pub use systems::service::{Call, CallError, Site, note};

/// The components that nodes run.
pub mod components {
    pub use crate::registry::{Declaration, NoSettings, Setting, SettingsError};
    pub use crate::systems::router::components::Components;
}

/// Builds running modules from a topology, on any platform: the simulator runs what would be deployed.
pub mod assembly {
    pub use crate::systems::provider::assembly as provider;
    pub use crate::systems::router::assembly::*;
}
