//! `tests/leaves_nothing.rs` on the turmoil engine.

#[path = "leaves_nothing.rs"]
mod leaves_nothing;
