//! The router's promises, by subject. One binary, so that it links once.
//!
//! (Events and the log line have their own: subscribers belong to a whole process.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod deadlines;
mod duplicates;
mod edges;
mod faults;
mod live;
mod outcomes;
mod pool;
mod properties;
mod retry;
mod texts;
mod wire;
