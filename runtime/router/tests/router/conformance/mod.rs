//! The conformance checklist of the specification, section 7: one test or more for each line, named after it.
//! `CONFORMANCE.md` is the table of them. (Line 29 is in `events`, which listens to events.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod blocking;
mod keys;
mod lifecycle;
mod names;
mod ports;
mod retry;
mod table;
mod transport;
