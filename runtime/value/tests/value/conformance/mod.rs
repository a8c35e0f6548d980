//! The conformance checklist of the specification, section 4, lines 102 to 116: one test or more for each line, named
//! after it. (The other lines are the provider's and its SDK's.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod fixtures;
mod json_errors;
mod json_round_trip;
mod schemas;
