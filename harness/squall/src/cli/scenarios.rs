//! Loads the scenarios of a command line: all, or the errors.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Console, Engine, shown};
use crate::Harness;
use crate::Scenario;
use crate::file;
use crate::plan::Plan;

/// The extension of topologies and scenarios.
pub(super) const TOML: &[&str] = &["toml"];

/// A scenario with its source.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) scenario: Scenario,
}

impl Loaded {
    /// The plan for this seed, or the scenario's own; on this engine, or the topology's own.
    pub(super) fn plan(&self, seed: Option<u64>, engine: Option<Engine>) -> Plan {
        let plan = self.scenario.plan(seed);
        match engine {
            Some(engine) => plan.on_engine(engine.into()),
            None => plan,
        }
    }
}

/// Loads every scenario, or prints all mistakes and returns none.
pub(super) fn load<O: Write, E: Write>(
    harness: &Harness,
    paths: &[PathBuf],
    console: &mut Console<O, E>,
) -> io::Result<Option<Vec<Loaded>>> {
    let Some(files) = files(paths, TOML, console)? else {
        return Ok(None);
    };
    let names = harness.component_names();
    let mut loaded = Vec::new();
    let mut is_sound = true;
    let mut topologies = 0;
    for Named { path, is_of_folder } in &files {
        // A directory may also contain the topologies.
        if *is_of_folder && file::is_topology(path, &names) {
            topologies += 1;
            continue;
        }
        let path = path.clone();
        match file::load_scenario(&path, &names) {
            Ok(scenario) => loaded.push(Loaded { path, scenario }),
            Err(report) => {
                is_sound = false;
                print_report(&report, console)?;
            }
        }
    }
    if is_sound && loaded.is_empty() {
        let what = if topologies == 1 {
            "a topology"
        } else {
            "topologies"
        };
        writeln!(
            console.err,
            "error: there is no scenario, only {what}: try squall check, or name scenarios"
        )?;
        return Ok(None);
    }
    Ok(is_sound.then_some(loaded))
}

/// A file, and whether it was found through its directory.
pub(super) struct Named {
    pub(super) path: PathBuf,
    is_of_folder: bool,
}

/// Expands paths to files: a directory stands for its files with these extensions, in name order.
pub(super) fn files<O: Write, E: Write>(
    paths: &[PathBuf],
    extensions: &[&str],
    console: &mut Console<O, E>,
) -> io::Result<Option<Vec<Named>>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(Named {
                path: path.clone(),
                is_of_folder: false,
            });
            continue;
        }
        match files_of(path, extensions) {
            Ok(found) if found.is_empty() => {
                let kinds: Vec<_> = extensions.iter().map(|it| format!("*.{it}")).collect();
                let (folder, kinds) = (shown(path), kinds.join(", "));
                writeln!(console.err, "error: the folder {folder} has no {kinds}")?;
                return Ok(None);
            }
            Ok(found) => files.extend(found.into_iter().map(|path| Named {
                path,
                is_of_folder: true,
            })),
            Err(error) => {
                writeln!(
                    console.err,
                    "error: cannot read the folder {}: {error}",
                    shown(path)
                )?;
                return Ok(None);
            }
        }
    }
    Ok(Some(files))
}

fn files_of(folder: &Path, extensions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let has_extension = |extension: &OsStr| extensions.iter().any(|it| extension == *it);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(has_extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Prints the mistakes in a file.
pub(super) fn print_report<O: Write, E: Write>(
    report: &file::Report,
    console: &mut Console<O, E>,
) -> io::Result<()> {
    write!(console.err, "{}", file::render(report, console.style.colours, 80))
}
