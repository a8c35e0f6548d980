//! `tests/timers.rs` on the turmoil engine.

#[path = "timers.rs"]
mod timers;
