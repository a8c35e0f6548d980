//! The HTTP API of a manager with a provider, on an in-memory network and the paused clock.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod bad_input;
mod calls;
mod document;
mod ending;
mod hosts;
mod pages;
mod pipelines;
mod providers;
mod support;
