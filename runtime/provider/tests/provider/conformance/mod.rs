//! The conformance checklist of the specification, section 4: one test or more for each line, named after it; for each
//! hole at its end; and for the bytes of the existing SDKs. `CONFORMANCE.md` is the table of them. Values, modules of
//! the process and the SDK hold their own lines.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod clock;
mod configuration;
mod control_plane;
mod drain;
mod execution;
mod groups;
mod holes;
mod liveness;
mod pool;
mod registration;
mod sdks;
mod table;
mod validation;
mod wire;
