//! `squall check`

use std::collections::HashSet;
use std::io::{self, Write};

use super::scenarios::{TOML, files, print_report};
use super::{CheckArgs, Console, Exit, shown};
use crate::Harness;
use crate::file::{self, Kind};

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
    // Many scenarios share a topology, and its warnings.
    let mut told = HashSet::new();
    for path in files.into_iter().map(|named| named.path) {
        match file::check(&path, &names) {
            Ok(checked) => {
                let kind = match checked.kind {
                    Kind::Topology => "topology",
                    Kind::Scenario => "scenario",
                };
                if let Some(warnings) = checked.warnings.and_then(|report| report.without(&told)) {
                    print_report(&warnings, console)?;
                    told.extend(warnings.to_string().lines().map(str::to_owned));
                }
                writeln!(console.out, "{}: a sound {kind}", shown(&path))?;
            }
            Err(report) => {
                exit = Exit::BadInput;
                print_report(&report, console)?;
            }
        }
    }
    Ok(exit)
}
