//! The `squall` command, with the built-in components.

use std::process::ExitCode;

/// Runs with many modules allocate much and touch it all: they are up to twice as fast with it. Without huge pages
/// (`no_thp`): a byte in use keeps two megabytes of a server that was asked for much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    squall::cli::main(&squall::Harness::new())
}
