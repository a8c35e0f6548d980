//! `CONFORMANCE.md` names tests that exist, in the files where they are, and all of them: else it would rot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A row of the table: what it is about, and the tests that it names, each with its file.
struct Row {
    subject: Subject,
    tests: Vec<(String, String)>,
    text: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// Of the checklist.
    Line(u32),
    /// Of what upstream does not test.
    Hole(u32),
    /// Of the existing SDKs.
    Sdk,
    /// What upstream does not do.
    Ours,
}

impl Subject {
    fn parse(cell: &str) -> Option<Self> {
        match cell {
            "SDK" => Some(Subject::Sdk),
            "ours" => Some(Subject::Ours),
            _ => match cell.strip_prefix('H') {
                Some(hole) => Some(Subject::Hole(hole.parse().ok()?)),
                None => Some(Subject::Line(cell.parse().ok()?)),
            },
        }
    }

    /// Whether a test says that it is about this. One that is named after what it shows for other reasons says nothing.
    fn is_said_by(&self, test: &str) -> Option<bool> {
        match (self, test.split_once('_')?) {
            (Subject::Line(line), ("line", rest)) => Some(lines_of(rest).contains(line)),
            (Subject::Hole(hole), ("hole", rest)) => Some(lines_of(rest).contains(hole)),
            (_, ("line" | "hole", _)) => Some(false),
            _ => None,
        }
    }
}

/// The numbers that a name begins with: `13_and_14_the_fields`, `26_to_28_a_declared`, `148_151_all_healthy`.
fn lines_of(name: &str) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    let mut words = name.split('_').peekable();
    while let Some(word) = words.next() {
        match word.parse::<u32>() {
            Ok(line) => drop(lines.insert(line)),
            Err(_) if word == "and" => {}
            Err(_) if word == "to" => {
                let last = words.peek().and_then(|it| it.parse().ok());
                let (Some(first), Some(last)) = (lines.last().copied(), last) else {
                    break;
                };
                lines.extend(first..=last);
            }
            Err(_) => break,
        }
    }
    lines
}

fn rows() -> Vec<Row> {
    let table = include_str!("../../../CONFORMANCE.md").lines();
    let row = |text: &'static str| {
        let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
        let subject = Subject::parse(cells.next()?)?;
        let tests = tests_of(cells.nth(1)?);
        Some(Row { subject, tests, text })
    };
    table.filter_map(row).collect()
}

/// The tests that a cell names: a file, a colon, and names in backticks, with commas between them.
fn tests_of(cell: &str) -> Vec<(String, String)> {
    let mut tests = vec![];
    let mut file = None;
    let mut parts = cell.split('`');
    while let (Some(before), Some(name)) = (parts.next(), parts.next()) {
        let before = before.trim();
        if let Some(path) = before.strip_suffix(':') {
            file = path.rsplit(' ').next().filter(|path| path.ends_with(".rs"));
        } else if before != "," {
            file = None;
        }
        if let Some(file) = file {
            tests.push((file.to_owned(), name.to_owned()));
        }
    }
    tests
}

/// The folder of all crates of the runtime, from which the table names files.
fn runtime() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder")
}

/// The names of the functions in a file.
fn functions_in(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = |line: &str| {
        let name = line
            .trim_start()
            .trim_start_matches("async ")
            .strip_prefix("fn ")?;
        Some(name.split(['(', '<']).next()?.trim().to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// All tests of the folders with a checklist that say what they are about, by file.
fn tests_that_there_are() -> BTreeSet<(String, String)> {
    let folders = [
        "provider/tests/provider/conformance",
        "value/tests/value/conformance",
        "engine/tests/engine/engine",
        "provider-sdk/tests/provider_sdk/conformance",
    ];
    let mut found = BTreeSet::new();
    for file in folders
        .iter()
        .flat_map(|folder| files_in(&runtime().join(folder)))
    {
        let path = file.strip_prefix(runtime()).unwrap().to_str().unwrap();
        let is_of_the_table = |name: &String| {
            let prefixes = ["line_", "hole_", "sdk_", "ours_"];
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        let names = functions_in(&file).into_iter().filter(is_of_the_table);
        found.extend(names.map(|name| (path.to_owned(), name)));
    }
    found
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.flat_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_in(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect()
}

#[test]
fn every_line_and_every_hole_has_a_row_with_tests_that_say_so_or_a_reason() {
    let rows = rows();
    let numbered = |number: fn(&Subject) -> Option<u32>| -> Vec<u32> {
        rows.iter().filter_map(|row| number(&row.subject)).collect()
    };
    let lines = numbered(|subject| match subject {
        Subject::Line(line) => Some(*line),
        _ => None,
    });
    assert_eq!(lines, (1..=166).collect::<Vec<_>>());
    let holes = numbered(|subject| match subject {
        Subject::Hole(hole) => Some(*hole),
        _ => None,
    });
    assert_eq!(holes, (1..=15).collect::<Vec<_>>());
    for row in rows {
        let is_excused = row.text.contains("Does not apply:");
        assert_eq!(
            is_excused,
            row.tests.is_empty(),
            "either tests or a reason: {}",
            row.text
        );
        let mut said = row.tests.iter().map(|(_, test)| row.subject.is_said_by(test));
        assert!(
            said.all(|it| it != Some(false)),
            "a test of another line: {}",
            row.text
        );
    }
}

#[test]
fn each_test_is_in_the_file_that_the_table_says() {
    let mut functions: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for (file, test) in rows().into_iter().flat_map(|row| row.tests) {
        let path = runtime().join(&file);
        let known = functions
            .entry(path.clone())
            .or_insert_with(|| functions_in(&path));
        assert!(known.contains(&test), "{file} has no {test}");
    }
}

#[test]
fn each_test_of_the_checklist_is_in_every_row_that_it_speaks_of() {
    let mut rows_of: BTreeMap<(String, String), BTreeSet<Subject>> = BTreeMap::new();
    for row in rows() {
        for test in row.tests {
            rows_of.entry(test).or_default().insert(row.subject.clone());
        }
    }
    let found = tests_that_there_are();
    assert!(found.len() > 150, "only {} tests were found", found.len());
    for test in found {
        let (prefix, rest) = test.1.split_once('_').expect("a prefix");
        let subjects: BTreeSet<_> = match prefix {
            "line" => lines_of(rest).into_iter().map(Subject::Line).collect(),
            "hole" => lines_of(rest).into_iter().map(Subject::Hole).collect(),
            "sdk" => [Subject::Sdk].into(),
            _ => [Subject::Ours].into(),
        };
        let named = rows_of.get(&test).cloned().unwrap_or_default();
        assert!(
            subjects.is_subset(&named),
            "{test:?} is in {named:?}, not in all of {subjects:?}"
        );
    }
}
