//! The `squall` command, with the built-in components.

use std::process::ExitCode;

fn main() -> ExitCode {
    squall::cli::main(&squall::Harness::new())
}
