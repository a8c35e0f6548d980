//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports. In a test, begin with [`Harness`].
//!
//! | room | what lives there |
//! |---|---|
//! | [`mod@file`], [`scenario`], [`plan`], [`schema`] | files, what they say, and the plan that a seed makes of it |
//! | [`faults`] | what can go wrong: a file for each kind |
//! | `systems` | what there is of one system: its hosts, targets, events, faults, oracles |
//! | [`components`], [`assembly`] | what nodes run, and how a module is put together, on any platform |
//! | [`Site`], [`Call`], [`CallError`] | services and clients of your own |
//! | [`Harness`], [`Run`] | a run in the simulator |
//! | [`journal`], [`history`], [`calls`], [`providers`] | what happened |
//! | [`oracle`], [`expectation`], [`verdict`] | what is to be thought of it |
//! | [`statistics`], [`report`], [`capture`], [`time`] | how to show it |
//! | [`import`] | from TinyNode and TinyModule manifests to a topology |
//! | [`live`] | the same topology on real sockets, and what it measures |
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
/// For the settings of components of your own: `#[derive(squall::schemars::JsonSchema)]` with
/// `#[schemars(crate = "squall::schemars")]`, see [`Declaration::of`].
pub use schemars;
/// What components are made of.
pub use squall_router as router;
/// For [`faults::FaultKind`] and components.
pub use squall_router::async_trait;
/// `TcpListener` and `TcpStream` in place of tokio's, for services that speak no gRPC.
pub use squall_site::net;
pub use systems::provider::evidence as providers;
pub use systems::router::{Front, import};
pub use systems::service::{Call, CallError, Site, note};

/// What nodes run.
pub mod components {
    pub use crate::registry::{Declaration, NoSettings, Setting, SettingsError};
    pub use crate::systems::router::components::Components;
}

/// From what a topology describes to what runs, on any platform: what the simulator runs is what would be deployed.
pub mod assembly {
    pub use crate::systems::provider::assembly as provider;
    pub use crate::systems::router::assembly::*;
}
