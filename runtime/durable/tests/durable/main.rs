//! The tests of durable instances in one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod conformance;
mod crashes;
mod damage;
mod disk;
mod failures;
mod support;
