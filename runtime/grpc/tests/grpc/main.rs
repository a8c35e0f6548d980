//! The plumbing that all protocols share, on an in-memory network and the paused clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod again;
mod beside;
mod channel;
mod compression;
mod foreign;
mod frames;
mod goodbye;
mod keepalive;
mod limits;
mod pace;
mod pings;
mod serving;
mod settings;
mod streaming;
mod support;
