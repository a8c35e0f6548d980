//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports. In a test, begin with [`Harness`].
//!
//! | room | what lives there |
//! |---|---|
//! | [`mod@file`], [`scenario`], [`plan`], [`schema`] | files, what they say, and the plan that a seed makes of it |
//! | [`faults`] | what can go wrong: a file for each kind |
//! | [`components`], [`assembly`] | what nodes run, and how a module is put together, on any platform |
//! | `services` | services and clients of your own: [`Site`], [`Call`], [`CallError`] |
//! | [`Harness`], [`Run`] | a run in the simulator |
//! | [`journal`], [`history`], [`calls`], [`providers`] | what happened |
//! | [`oracle`], [`expectation`], [`verdict`] | what is to be thought of it |
//! | [`statistics`], [`report`], [`capture`], [`time`] | how to show it |
//! | [`import`] | from TinyNode and TinyModule manifests to a topology |
//! | [`live`] | the same topology on real sockets, and what it measures |
//! | [`cli`] | the command line |

pub mod assembly;
pub mod calls;
pub mod capture;
pub mod cli;
pub mod components;
mod custom;
mod draw;
pub mod expectation;
pub mod faults;
pub mod file;
mod graph;
mod harness;
pub mod history;
mod hosting;
pub mod import;
pub mod journal;
mod judged;
pub mod live;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod report;
mod run;
pub mod scenario;
pub mod schema;
mod services;
pub mod statistics;
mod systems;
pub mod target;
#[cfg(test)]
mod testing;
pub mod time;
mod units;
mod vacuous;
pub mod verdict;

pub use components::{Declaration, NoSettings};
pub use custom::{CustomExpect, CustomExpectation, CustomFault, Finding, HostNames, Section, System};
pub use harness::Harness;
pub use judged::Judgement;
pub use run::{Difference, End, Failure, PanicSite, Run, RunError, Scene, compare};
pub use scenario::Scenario;
/// For the settings of components of your own: `#[derive(squall::schemars::JsonSchema)]` with
/// `#[schemars(crate = "squall::schemars")]`, see [`Declaration::of`].
pub use schemars;
pub use services::{Call, CallError, Site, note};
/// What components are made of.
pub use squall_router as router;
/// For [`faults::FaultKind`] and components.
pub use squall_router::async_trait;
/// `TcpListener` and `TcpStream` in place of tokio's, for services that speak no gRPC.
pub use squall_site::net;
pub use systems::provider::evidence as providers;
pub use systems::router::Front;
