//! Squall: a test harness and simulator for systems of modules that call each other over gRPC.
//!
//! Data flows one way: TOML files -> typed [`plan`] -> world -> run -> [`journal`] -> oracles, statistics,
//! snapshots and reports. In a test, begin with [`Harness`].
//!
//! | module | contents |
//! |---|---|
//! | [`mod@file`], [`scenario`], [`plan`], [`schema`] | files, their checked content, and the plan drawn from a seed |
//! | [`faults`] | faults: one file per kind |
//! | [`components`], [`assembly`] | what nodes run, and how a module is put together, on any platform |
//! | [`Site`], [`Call`], [`CallError`] | user-defined services and clients |
//! | [`Harness`], [`Run`] | a run in the simulator |
//! | [`journal`], [`history`], [`calls`], [`providers`] | what happened |
//! | [`oracle`], [`expectation`], [`verdict`] | judgements about it |
//! | [`statistics`], [`report`], [`capture`], [`time`] | reports about it |
//! | [`import`] | from TinyNode and TinyModule manifests to a topology |
//! | [`live`] | the same topology on real sockets, with measurements |
//! | [`testing`] | journals written by hand, for tests of oracles |
//! | [`cli`] | the command line |
//!
//! Most of these modules are those of `squall-core`, joined with what each system adds (`facade`, `systems`).

pub mod cli;
mod facade;
mod harness;
pub mod live;
mod names;
mod oracles;
pub mod schema;
mod system;
mod systems;
mod twice;

pub use facade::{
    assembly, components, faults, file, journal, network, oracle, plan, statistics, target, verdict,
};
pub use harness::Harness;
/// For the settings of user-defined components: `#[derive(squall::schemars::JsonSchema)]` with
/// `#[schemars(crate = "squall::schemars")]`, see [`Declaration::of`].
pub use schemars;
pub use squall_core::custom::{CustomExpect, CustomExpectation, CustomFault, Finding, HostNames, Section};
pub use squall_core::registry::{Declaration, NoSettings};
pub use squall_core::run::{Difference, End, Failure, PanicSite, Run, RunError, Scene, compare};
pub use squall_core::scenario::Scenario;
/// Journals written by hand, for tests of your own oracles.
pub use squall_core::testing;
pub use squall_core::{Judgement, calls, capture, expectation, history, report, scenario, time};
/// The types that components are written with.
pub use squall_router as router;
/// For [`faults::FaultKind`] and components.
pub use squall_router::async_trait;
/// Replacements for tokio's `TcpListener` and `TcpStream`, for services that do not use gRPC.
pub use squall_site::net;
pub use squall_system_provider::evidence as providers;
pub use squall_system_router::{Front, import};
pub use squall_system_service::{Call, CallError, Site, note};
pub use system::System;
