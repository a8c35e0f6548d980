//! The `squall` command, with all that this project has of its own: `cargo run -- run scenarios`.

fn main() -> std::process::ExitCode {
    squall::cli::main(&own_system::squalls::harness())
}
