//! `tests/determinism.rs` on the turmoil engine.

#[path = "determinism.rs"]
mod determinism;
