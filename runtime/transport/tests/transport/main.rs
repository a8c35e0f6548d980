//! The cluster's wire, on an in-memory network and the paused clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod conformance;
mod golden;
mod hooks;
mod hostile;
mod limits;
mod repeats;
mod support;
mod systems;
mod table;
mod tonic_host;
mod wire;
