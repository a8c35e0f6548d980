//! The `squall` command, with the built-in components.

use std::process::ExitCode;

/// Runs with many modules allocate much memory and touch all of it: this allocator makes them up to twice as fast.
/// Without huge pages (`no_thp`): with them, each byte in use may hold two megabytes of a server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    squall::cli::main(&squall::Harness::new())
}
