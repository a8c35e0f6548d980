//! The checklist of the specification, section 5b, line by line. `CONFORMANCE.md` is the table.

mod backoff;
mod integration;
mod memory;
mod migration;
mod restart;
mod spawn;
mod supervisor;
mod system;
mod table;
mod wire;
