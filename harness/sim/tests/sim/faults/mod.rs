//! Faults: what becomes of processes, connections and segments, to the exact virtual time.

mod bandwidth;
mod connections;
mod events;
mod hold;
mod liveness;
mod network;
mod processes;
