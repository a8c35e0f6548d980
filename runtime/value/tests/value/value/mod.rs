//! Values, their JSON and types, beyond the checklist: each row of the specification's tables, limits, and what holds for
//! all values.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod arbitrary;
mod check;
mod edge_cases;
mod limits;
mod notation;
mod plain;
mod properties;
mod schemas;
mod support;
mod typed;
