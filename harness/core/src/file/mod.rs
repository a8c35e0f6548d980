//! Reads the files that users write, and reports mistakes.
//!
//! A file goes through three stages: TOML (crate `toml`, which finds one syntax error at a time), raw tables
//! (`raw`: unknown, missing and misspelt keys, quantities that do not parse), and relations between them
//! (`topology`, `scenario`: references, order of times). Each stage finds as many mistakes as it can. It is only
//! entered if every table passed the previous one, so that no mistake is reported twice.
//!
//! This module is independent of systems. Tables of hosts, targets, expectations and faults are entries in lists, with
//! their readers and checks; `systems` joins the lists of all systems.
//!
//! Random values are not drawn here, but by [`Scenario::plan`].

pub mod choice;
pub mod data;
pub mod expects;
pub mod extra;
pub mod hosts;
pub mod key;
pub mod latency;
pub mod names;
pub mod raw;
pub mod read;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod tables;
pub mod targets;
pub mod topology;
pub mod value;

use std::io::Read as _;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use self::names::Names;
pub use self::names::nearest;
use self::read::{Read, Value};
pub use self::report::{Mistake, Report, render};
pub use self::report::{Problem, Problems};
use crate::custom::Extended;
use crate::lists::Lists;
use crate::plan::Topology;
use crate::scenario::Scenario;

use self::raw::custom::WithCustom;
pub(crate) use self::raw::scenario::Scenario as ScenarioFile;
pub(crate) use self::raw::schema;
pub(crate) use self::raw::topology::Topology as TopologyFile;

/// Longer files are rejected: they are generated, and can be split.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Whether a key identifies a topology: no scenario has it.
fn is_of_topologies(key: &str, lists: &Lists) -> bool {
    is_key_of_topologies(key, lists) && !is_of_both(key)
}

/// Whether files of both kinds have a key, so that it identifies neither.
fn is_of_both(key: &str) -> bool {
    ["name", "description"].contains(&key)
}

/// Keys that identify a scenario.
fn is_of_scenarios(key: &str, _: &Lists) -> bool {
    ["topology", "duration", "seed", "workload", "fault", "expect"].contains(&key)
}

/// Whether topologies have a built-in key of this name.
pub fn is_key_of_topologies(key: &str, lists: &Lists) -> bool {
    raw::topology::keys(lists).any(|known| known == key)
}

/// Whether `[[expect]]` has a built-in key of this name.
pub fn is_key_of_expectations(key: &str, lists: &Lists) -> bool {
    raw::expect::keys(lists).any(|known| known == key)
}

/// Whether `[[workload]]` has a built-in key of this name.
pub fn is_key_of_workloads(key: &str, lists: &Lists) -> bool {
    raw::workload::keys(lists).any(|known| known == key)
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Hosts and their network.
    Topology,
    /// Workloads, faults and expectations.
    Scenario,
}

/// A valid file.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its kind.
    pub kind: Kind,
    /// Warnings about it, or about the topology that it names.
    pub warnings: Option<Report>,
}

/// A value, with warnings and advice.
type Warned<T> = (T, Option<Report>);

/// Loads a topology file.
pub fn load_topology(path: &Path, components: &Names) -> Result<Topology, Report> {
    let name = shown(path);
    topology_from_str(&name, &read_file(path, &name)?, components)
}

/// Loads a scenario file and its topology. The report has the mistakes of both.
pub fn load_scenario(path: &Path, components: &Names) -> Result<Scenario, Report> {
    let text = read_file(path, &shown(path))?;
    scenario_of(path, &text, components).map(|(scenario, _)| scenario)
}

/// `text` is the content of the path: a pipe can be read only once.
fn scenario_of(path: &Path, text: &str, components: &Names) -> Result<Warned<Scenario>, Report> {
    let mut problems = Problems::new(&shown(path), text).knowing(components.extra());
    let document = parse_as(Kind::Scenario, text, &mut problems);
    let raw = document.and_then(|table| ScenarioFile::read(&table, &mut problems));
    let Some(raw) = raw else {
        return problems.finish(None);
    };
    match load_named_topology(path, &raw, components, &mut problems) {
        Ok(Some((topology, warnings))) => {
            let scenario = scenario::resolve(raw, Arc::new(topology), components, &mut problems);
            let (scenario, own) = problems.finish(scenario)?;
            Ok((scenario, own.into_iter().chain(warnings).reduce(Report::and)))
        }
        Ok(None) => problems.finish(None),
        Err(report) => match problems.finish(Some(())) {
            Ok(_) => Err(report),
            Err(own) => Err(own.and(report)),
        },
    }
}

/// Loads a file of either kind, and returns the kind. A scenario has a `topology` key, or others that only scenarios
/// have.
///
/// # Errors
/// The mistakes in it or in its topology.
pub fn check(path: &Path, components: &Names) -> Result<Checked, Report> {
    let name = shown(path);
    let text = read_file(path, &name)?;
    let mut problems = Problems::new(&name, &text).knowing(components.extra());
    let Some(document) = parse(&text, &mut problems) else {
        return Err(problems.finish::<()>(None).expect_err("it cannot be parsed"));
    };
    let kind = kind(&document, components.kinds().lists);
    let warnings = match kind {
        Kind::Topology => topology_of(&name, &text, components)?.1,
        Kind::Scenario => scenario_of(path, &text, components)?.1,
    };
    Ok(Checked { kind, warnings })
}

/// Whether a file is a topology, as far as can be determined. False for an unreadable file.
pub fn is_topology(path: &Path, components: &Names) -> bool {
    let lists = components.kinds().lists;
    let text = read_text(path).unwrap_or_default();
    let mut problems = Problems::new("", &text);
    let document = parse(&text, &mut problems);
    let has_any = |document: &Value<'_>| {
        document
            .get_ref()
            .as_table()
            .is_some_and(|table| !table.is_empty())
    };
    document.is_some_and(|document| has_any(&document) && kind(&document, lists) == Kind::Topology)
}

/// Parses a topology. `name` is the file name for reports.
pub fn topology_from_str(name: &str, text: &str, components: &Names) -> Result<Topology, Report> {
    topology_of(name, text, components).map(|(topology, _)| topology)
}

fn topology_of(name: &str, text: &str, components: &Names) -> Result<Warned<Topology>, Report> {
    let mut problems = Problems::new(name, text).knowing(components.extra());
    let document = parse_as(Kind::Topology, text, &mut problems);
    let raw = document.and_then(|table| WithCustom::read(&table, &mut problems));
    let topology = raw.and_then(|raw| topology::resolve(raw, components, &mut problems));
    problems.finish(topology)
}

/// Parses a scenario. It runs on `topology`, whatever its `topology` key says. `name` is the file name for
/// reports.
pub fn scenario_from_str_with(
    name: &str,
    text: &str,
    topology: Arc<Topology>,
    components: &Names,
) -> Result<Scenario, Report> {
    let mut problems = Problems::new(name, text).knowing(components.extra());
    let document = parse_as(Kind::Scenario, text, &mut problems);
    let raw = document.and_then(|table| ScenarioFile::read(&table, &mut problems));
    let scenario = raw.and_then(|raw| scenario::resolve(raw, topology, components, &mut problems));
    problems.finish(scenario).map(|(scenario, _)| scenario)
}

fn parse<'i>(text: &'i str, problems: &mut Problems) -> Option<Value<'i>> {
    match DeTable::parse(text) {
        Ok(document) => Some(Spanned::new(
            document.span(),
            DeValue::Table(document.into_inner()),
        )),
        Err(error) => {
            let end = text.len();
            let span = error.span().unwrap_or(end..end);
            let problem = Problem::new(format!("this is not TOML: {}", error.message()));
            problems.add(problem.at(&(span.start.min(end)..span.end.min(end)), "the parser stops here"));
            None
        }
    }
}

/// The same for a file of a known kind. A file of the other kind is reported as one mistake, not one per key.
fn parse_as<'i>(wanted: Kind, text: &'i str, problems: &mut Problems) -> Option<Value<'i>> {
    let document = parse(text, problems)?;
    let (own, others) = match wanted {
        Kind::Topology => (is_of_topologies as IsOneOf, is_of_scenarios as IsOneOf),
        Kind::Scenario => (is_of_scenarios as _, is_of_topologies as _),
    };
    let lists = problems.kinds().lists;
    let first_of = |is_one| first_of(&document, is_one, lists);
    let Some(telltale) = first_of(others).filter(|_| first_of(own).is_none()) else {
        return Some(document);
    };
    let (message, label, help) = match wanted {
        Kind::Topology => (
            "this is a scenario, and not a topology",
            "only scenarios have this",
            format!("`squall run` runs scenarios; a topology has {}", some_tables(lists)),
        ),
        Kind::Scenario => (
            "this is a topology, and not a scenario",
            "only topologies have this",
            "`squall up` runs it on real sockets; a scenario names it, topology = \"...\", and says what happens"
                .to_owned(),
        ),
    };
    problems.add(Problem::new(message).at(&telltale, label).help(help));
    None
}

/// Two tables of hosts, as examples.
fn some_tables(lists: &Lists) -> String {
    let tables: Vec<String> = raw::topology::enough(lists)
        .take(2)
        .map(|table| format!("[{table}.*]"))
        .collect();
    tables.join(" or ")
}

fn kind(document: &Value<'_>, lists: &Lists) -> Kind {
    let has = |is_one: IsOneOf| first_of(document, is_one, lists).is_some();
    match has(|key, _| key == "topology") || (has(is_of_scenarios) && !has(is_of_topologies)) {
        true => Kind::Scenario,
        false => Kind::Topology,
    }
}

/// Whether a key is one of these.
type IsOneOf = fn(&str, &Lists) -> bool;

/// The position of the first of these keys.
fn first_of(document: &Value<'_>, is_one: IsOneOf, lists: &Lists) -> Option<Range<usize>> {
    let table = document.get_ref().as_table()?;
    let known = table.iter().filter(|(key, _)| is_one(key.get_ref(), lists));
    known.map(|(key, _)| key.span()).min_by_key(|span| span.start)
}

/// `None` if the file is unreadable: the mistake is then reported for the scenario.
fn load_named_topology(
    scenario: &Path,
    raw: &ScenarioFile,
    components: &Names,
    problems: &mut Problems,
) -> Result<Option<Warned<Topology>>, Report> {
    let path = scenario
        .parent()
        .unwrap_or(Path::new(""))
        .join(&raw.topology.value);
    let name = shown(&path);
    match read_text(&path) {
        Ok(text) => topology_of(&name, &text, components).map(Some),
        Err(why) => {
            let problem = Problem::new(format!("the topology `{name}` cannot be read"))
                .at(&raw.topology.span, why)
                .help("the path is relative to the scenario file");
            problems.add(problem);
            Ok(None)
        }
    }
}

fn read_file(path: &Path, name: &str) -> Result<String, Report> {
    read_text(path).map_err(|why| cannot_read(name, &why))
}

/// A report about an unreadable file.
pub fn cannot_read(name: &str, why: &str) -> Report {
    let mut problems = Problems::new(name, "");
    problems.add(Problem::new(format!("cannot read {name}: {why}")));
    problems.finish::<()>(None).expect_err("a problem was added")
}

/// The text of a file. A pipe can be read, too.
pub fn read_text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("it is a directory".to_owned());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(too_long());
    }
    // A pipe has no length, and may never end.
    let read = |path: &Path| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    };
    text_of(read(path).map_err(|error| error.to_string())?)
}

fn too_long() -> String {
    format!("it is longer than {}", bytesize::ByteSize(FILE_BYTES_MAX))
}

/// The text of a file's bytes, or why they are not text.
pub fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_long());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

/// A normalized path for messages: `scenarios/../topologies/a.toml` is `topologies/a.toml`.
fn shown(path: &Path) -> String {
    let mut shown = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if matches!(shown.components().next_back(), Some(Component::Normal(_))) => {
                shown.pop();
            }
            Component::CurDir => {}
            other => shown.push(other),
        }
    }
    shown.display().to_string()
}
