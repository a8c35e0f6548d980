//! `squall import`

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use squall_system_router::import::{Source, import};

use super::output::{Kind, Output};
use super::scenarios::{files, print_report};
use super::{Console, Exit, ImportArgs, line, shown};
use crate::Harness;
use crate::file::{FILE_BYTES_MAX, Report, cannot_read, read_text, text_of};
use crate::report::plural;

const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

pub(super) fn run<O: Write, E: Write>(
    harness: &Harness,
    args: &ImportArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let Some(paths) = files(&args.paths, EXTENSIONS, console)? else {
        return Ok(Exit::BadInput);
    };
    let paths: Vec<PathBuf> = paths.into_iter().map(|named| named.path).collect();
    let mut sources = Vec::new();
    let mut reports = Vec::new();
    for path in &paths {
        match source(path) {
            Ok(source) => sources.push(source),
            Err(report) => reports.push(report),
        }
    }
    let name = args.name.clone().unwrap_or_else(|| name(args, &paths));
    let imported = match reports.into_iter().reduce(Report::and) {
        Some(report) => Err(report),
        None => import(&name, &sources, &harness.component_names()),
    };
    match imported {
        Ok(imported) => {
            if let Some(report) = &imported.report {
                print_report(report, console)?;
            }
            let Some(out) = &args.out else {
                write!(console.out, "{}", imported.topology)?;
                return Ok(Exit::Held);
            };
            let written = Output::open(Kind::Topology { force: args.force }, out)
                .and_then(|file| file.write(|file| file.write_all(imported.topology.as_bytes())));
            if let Err(why) = written {
                writeln!(console.err, "error: {}", line(&why))?;
                return Ok(Exit::BadInput);
            }
            let [modules, nodes, edges] = imported.counts.map(|count| count as u64);
            writeln!(
                console.out,
                "{}: a topology of {}, {}, {}",
                shown(out),
                plural(modules, "module"),
                plural(nodes, "node"),
                plural(edges, "edge")
            )?;
            Ok(Exit::Held)
        }
        Err(report) => {
            print_report(&report, console)?;
            Ok(Exit::BadInput)
        }
    }
}

/// The content of a path: standard input for `-`.
fn source(path: &Path) -> Result<Source, Report> {
    let (name, text) = if path == Path::new("-") {
        ("standard input".to_owned(), read_input())
    } else if path.extension().is_some_and(|extension| extension == "toml") {
        let why = "it is TOML, and manifests are YAML or JSON: `squall check` validates topologies";
        (path.display().to_string(), Err(why.to_owned()))
    } else {
        (path.display().to_string(), read_text(path))
    };
    match text {
        Ok(text) => Ok(Source { name, text }),
        Err(why) => Err(cannot_read(&name, &why)),
    }
}

fn read_input() -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = io::stdin()
        .lock()
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    text_of(bytes)
}

/// Derived from the output file or else from the first input.
fn name(args: &ImportArgs, paths: &[PathBuf]) -> String {
    let path = args.out.as_ref().or(paths.first());
    let stem = path
        .and_then(|path| path.file_stem())
        .map(|stem| stem.to_string_lossy());
    match stem {
        Some(stem) if stem != "-" => stem.into_owned(),
        _ => "imported".to_owned(),
    }
}
