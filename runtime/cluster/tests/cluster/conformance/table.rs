//! `CONFORMANCE.md` names tests that exist, and all of them: else it would rot.

use std::collections::BTreeSet;
use std::path::Path;

/// A row of the table: its line of the checklist, and the tests that it names.
struct Row {
    line: u32,
    tests: Vec<String>,
    text: &'static str,
}

fn rows() -> Vec<Row> {
    let table = include_str!("../../../CONFORMANCE.md").lines();
    let row = |text: &'static str| {
        let mut cells = text.strip_prefix('|')?.split('|').map(str::trim);
        let line = cells.next()?.parse().ok()?;
        let tests = cells.nth(1)?.split('`').filter(|it| it.starts_with("line_"));
        Some(Row {
            line,
            tests: tests.map(str::to_owned).collect(),
            text,
        })
    };
    table.filter_map(row).collect()
}

/// The tests of the checklist that there are, by name.
fn tests_in(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tests_in(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let name = line.trim_start_matches("async ").strip_prefix("fn line_")?;
                Some(format!("line_{}", name.split_once('(')?.0))
            });
            found.extend(names);
        }
    }
    found
}

#[test]
fn every_line_of_the_checklist_has_a_row_with_tests_or_a_reason() {
    let rows = rows();
    let lines: Vec<u32> = rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, (1..=48).collect::<Vec<_>>());
    for row in rows {
        let is_excused = row.text.contains("Does not apply:");
        assert!(
            is_excused == row.tests.is_empty(),
            "either tests or a reason: {}",
            row.text
        );
        let prefix = format!("line_{:02}_", row.line);
        let mut names = row.tests.iter();
        assert!(names.all(|name| name.starts_with(&prefix)), "{}", row.text);
    }
}

#[test]
fn the_table_names_the_tests_that_there_are_and_no_others() {
    let named: BTreeSet<String> = rows().into_iter().flat_map(|row| row.tests).collect();
    let found = tests_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    assert!(found.len() > 30, "only {} tests were found", found.len());
    let missing: Vec<_> = named.difference(&found).collect();
    assert!(missing.is_empty(), "named, and not there: {missing:#?}");
    let unnamed: Vec<_> = found.difference(&named).collect();
    assert!(unnamed.is_empty(), "there, and not named: {unnamed:#?}");
}
