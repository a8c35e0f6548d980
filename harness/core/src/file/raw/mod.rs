//! The raw files: each struct is one table, each field one key. [`super::topology`] and [`super::scenario`] check what
//! involves several of them (references, order of times).
//!
//! The doc comments are the descriptions in the JSON Schema.

pub(crate) mod custom;
pub(crate) mod expect;
pub(crate) mod fault;
pub mod latency;
pub(crate) mod scenario;
pub(crate) mod schema;
pub(crate) mod topology;
pub(crate) mod workload;
