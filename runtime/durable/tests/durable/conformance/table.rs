//! `CONFORMANCE.md` names tests that exist, in the files where they are, and all of the checklist: else it would rot.

use std::collections::BTreeSet;
use std::path::Path;

struct Row {
    line: String,
    /// Each with its file.
    tests: Vec<(String, String)>,
    text: &'static str,
}

fn rows() -> Vec<Row> {
    let table = include_str!("../../../CONFORMANCE.md").lines();
    let row = |text: &'static str| {
        let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
        let line = cells.next()?.to_owned();
        let is_line = line.starts_with(['D', 'W']) && line[1..].parse::<u32>().is_ok();
        let tests = tests_of(cells.nth(1)?);
        is_line.then_some(Row { line, tests, text })
    };
    table.filter_map(row).collect()
}

/// The tests that a cell names: a file, a colon, and names in backticks, with commas between them.
fn tests_of(cell: &str) -> Vec<(String, String)> {
    let (mut tests, mut file) = (vec![], String::new());
    let mut parts = cell.split('`');
    while let (Some(before), Some(name)) = (parts.next(), parts.next()) {
        if let Some(path) = before.trim().strip_suffix(':') {
            file = path.rsplit(' ').next().unwrap_or_default().to_owned();
        }
        tests.push((file.clone(), name.to_owned()));
    }
    tests
}

fn tests_in(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/durable")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = |line: &str| {
        let name = line
            .trim_start()
            .trim_start_matches("async ")
            .strip_prefix("fn ")?;
        Some(name.split(['(', '<']).next()?.to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// The lines that a test's name begins with: `d02_and_d03_a_record`, `d45_to_d49_a_timer`.
fn lines_of(test: &str) -> BTreeSet<u32> {
    let (mut lines, mut is_range) = (BTreeSet::new(), false);
    for word in test.split('_') {
        match (word, word.strip_prefix('d').and_then(|it| it.parse::<u32>().ok())) {
            ("and", _) => {}
            ("to", _) => is_range = true,
            (_, Some(line)) if is_range => {
                lines.extend(lines.last().copied().unwrap_or(line)..=line);
                is_range = false;
            }
            (_, Some(line)) => drop(lines.insert(line)),
            _ => break,
        }
    }
    lines
}

#[test]
fn every_line_has_a_row_with_tests_or_a_reason() {
    let rows = rows();
    let numbers = |kind: char| -> Vec<u32> {
        let lines = rows.iter().filter_map(|row| row.line.strip_prefix(kind));
        lines.map(|line| line.parse().unwrap()).collect()
    };
    assert_eq!(numbers('D'), (1..=72).collect::<Vec<_>>());
    assert_eq!(numbers('W'), (40..=52).collect::<Vec<_>>());
    for row in rows {
        let has_reason = row.text.contains("Does not apply:") || row.text.contains("Not done:");
        assert!(has_reason || !row.tests.is_empty(), "{}", row.text);
    }
}

#[test]
fn each_test_is_in_the_file_that_the_table_says() {
    let tests: BTreeSet<_> = rows().into_iter().flat_map(|row| row.tests).collect();
    assert!(tests.len() > 40, "only {} tests are named", tests.len());
    for (file, test) in tests {
        assert!(tests_in(&file).contains(&test), "{file} has no {test}");
    }
}

#[test]
fn each_test_of_the_checklist_is_in_the_rows_that_it_speaks_of() {
    let files =
        ["effects", "past", "recovery", "stores", "timers"].map(|file| format!("conformance/{file}.rs"));
    let files = files
        .into_iter()
        .chain(["damage.rs".to_owned(), "failures.rs".to_owned()]);
    for file in files {
        for test in tests_in(&file) {
            for line in lines_of(&test) {
                let name = format!("D{line}");
                let named = rows()
                    .into_iter()
                    .any(|row| row.line == name && row.tests.contains(&(file.clone(), test.clone())));
                assert!(named, "{name} does not name {test} of {file}");
            }
        }
    }
}
