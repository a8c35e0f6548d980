//! The tests of the cluster runtime in one binary, so that it links once. (Events have their own: a subscriber belongs to a
//! whole process.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod actors;
mod conformance;
mod support;
