//! `tests/faults` on the turmoil engine.

#[path = "faults/main.rs"]
mod faults;
