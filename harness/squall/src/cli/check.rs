//! `squall check`

use std::io::{self, Write};

use super::scenarios::{TOML, files, print_report};
use super::{CheckArgs, Console, Exit};
use crate::file::{self, Kind};
use crate::run::Harness;

pub(super) fn check<O: Write, E: Write>(
    harness: &Harness,
    args: &CheckArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let Some(files) = files(&args.paths, TOML, console)? else {
        return Ok(Exit::BadInput);
    };
    let names = harness.component_names();
    let mut exit = Exit::Held;
    for path in files {
        match file::check(&path, &names) {
            Ok(kind) => {
                let kind = match kind {
                    Kind::Topology => "topology",
                    Kind::Scenario => "scenario",
                };
                writeln!(console.out, "{}: a sound {kind}", path.display())?;
            }
            Err(report) => {
                exit = Exit::BadInput;
                print_report(&report, console)?;
            }
        }
    }
    Ok(exit)
}
