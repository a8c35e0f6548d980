//! The conformance checklist of the specification, section 4, as far as it is about a provider: one test or more for
//! each line, named after it.
//!
//! Lines 131 and 133 are, in part, what does not compile: a provider that has started takes no more modules, and
//! cannot be started again (see `Provider::start`). Line 146 is about a double for tests that there is none of here:
//! a platform in memory stands in for the network, and not for the transport.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod canary;
mod connection;
mod control;
mod discovery;
mod executor;
mod life;
mod transport;
