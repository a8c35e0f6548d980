//! The router's promises, by subject. One binary, so that it links once.
//!

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod aside;
mod blocking;
mod churn;
mod deadlines;
mod discovery;
mod drain;
mod duplicates;
mod edges;
mod fallback;
mod faults;
mod hostile;
mod limits;
mod live;
mod measured;
mod methods;
mod outcomes;
mod peers;
mod pool;
mod properties;
mod retry;
mod standard;
mod texts;
mod trailers;
mod wire;
