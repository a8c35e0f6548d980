//! `tests/properties.rs` on the turmoil engine.

#[path = "properties.rs"]
mod properties;
