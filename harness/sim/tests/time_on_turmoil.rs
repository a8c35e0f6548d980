//! `tests/time.rs` on the turmoil engine.

#[path = "time.rs"]
mod time;
