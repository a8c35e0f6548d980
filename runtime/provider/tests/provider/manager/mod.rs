//! The manager as providers and callers see it: over real gRPC, on an in-memory network, with tokio's clock paused.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod calls;
mod control;
mod deregistration;
mod drain;
mod failover;
mod faults;
mod ghosts;
mod hostile;
mod liveness;
mod loopback;
mod measured;
mod registration;
mod shutdown;
mod standard;
mod turns;
