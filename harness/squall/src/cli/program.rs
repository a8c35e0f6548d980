//! The name of this program, for replay commands.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use crate::report;

/// The stock program, in any directory.
const STOCK: &str = "squall";

/// The program as it was started. A user's binary has services and components that the stock one lacks.
pub(super) fn started() -> String {
    let argument = env::args_os().next().unwrap_or_default();
    // Cargo sets it for programs that it runs.
    let is_of_cargo = env::var_os("CARGO").is_some();
    let package = env::var_os("CARGO_PKG_NAME").filter(|_| is_of_cargo);
    of(Path::new(&argument), package.as_deref())
}

/// `package` is set if Cargo started it.
fn of(program: &Path, package: Option<&OsStr>) -> String {
    let Some(name) = program.file_stem().filter(|name| *name != STOCK) else {
        return STOCK.to_owned();
    };
    let is_in = |folder: &str| program.parent().is_some_and(|parent| parent.ends_with(folder));
    let profile = match package {
        Some(_) if is_in("target/debug") => "",
        Some(_) if is_in("target/release") => " --release",
        _ => return report::shell_word(&program.display().to_string()),
    };
    let bin = match package.is_some_and(|package| package == name) {
        true => String::new(),
        false => format!(" --bin {}", report::shell_word(&name.to_string_lossy())),
    };
    format!("cargo run{profile}{bin} --")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_as_it_was_started() {
        for (program, package, expected) in [
            ("squall", None, "squall"),
            ("target/debug/squall", Some("squall"), "squall"),
            ("", None, "squall"),
            ("./bad", None, "./bad"),
            ("target/debug/bad", None, "target/debug/bad"),
            ("/my code/target/debug/bad", None, "'/my code/target/debug/bad'"),
            ("target/debug/bad", Some("bad"), "cargo run --"),
            ("target/debug/bad", Some("bank"), "cargo run --bin bad --"),
            (
                "/x/target/release/bad",
                Some("bank"),
                "cargo run --release --bin bad --",
            ),
            ("/x/elsewhere/bad", Some("bank"), "/x/elsewhere/bad"),
        ] {
            assert_eq!(
                of(Path::new(program), package.map(OsStr::new)),
                expected,
                "{program}"
            );
        }
    }
}
