//! The tests of machines in one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod builds;
mod diffs;
mod golden;
mod random;
mod snapshots;
mod steps;
mod support;
mod timers;
