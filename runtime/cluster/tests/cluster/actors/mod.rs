//! Actors of one node, beyond the checklist.

mod children;
mod machine;
mod mailbox;
mod model;
mod panics;
mod repeated;
mod sending;
mod spawning;
mod stopping;
