//! The router's promises, by subject. One binary, so that it links once.
//!
//! (The log line has its own: tracing-test listens to the whole process.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod blocking;
mod events;
mod faults;
mod outcomes;
mod pool;
mod support;
mod texts;
mod wire;
