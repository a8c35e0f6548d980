//! Faults: what becomes of processes, connections and segments, to the exact virtual time.

#[path = "../support/mod.rs"]
mod support;

mod events;
mod network;
mod processes;
