//! A provider against a manager that plays a script, on the paused clock.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod building;
mod canary;
mod deadlines;
mod discovery;
mod drain;
mod handlers;
mod life;
mod reconnect;
mod reports;
mod stop;
