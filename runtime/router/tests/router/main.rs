//! The router's promises, by subject. One binary, so that it links once.
//!
//! (Events and the log line have their own: subscribers belong to a whole process.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod blocking;
mod discovery;
mod drain;
mod fallback;
mod faults;
mod hostile;
mod methods;
mod outcomes;
mod peers;
mod pool;
mod standard;
mod support;
mod texts;
mod wire;
