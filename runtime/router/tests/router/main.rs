//! The router's promises, by subject. One binary, so that it links once.
//!
//! (Events and the log line have their own: subscribers belong to a whole process.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod blocking;
mod discovery;
mod faults;
mod outcomes;
mod pool;
mod support;
mod texts;
mod wire;
