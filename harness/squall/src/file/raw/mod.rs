//! The files as they are written: each struct is one table, each field one key. What they mean together
//! (names that exist, times in order) is for [`super::topology`] and [`super::scenario`].
//!
//! The doc comments are the descriptions in the JSON Schema.

pub(crate) mod custom;
pub(crate) mod expect;
pub(crate) mod fault;
pub(crate) mod latency;
pub(crate) mod scenario;
pub(crate) mod topology;
pub(crate) mod workload;
