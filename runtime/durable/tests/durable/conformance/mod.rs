//! The checklist of the specification, section 5c to 5e. `CONFORMANCE.md` has the table.

mod effects;
mod past;
mod recovery;
mod stores;
mod table;
mod timers;
