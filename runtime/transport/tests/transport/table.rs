//! `CONFORMANCE.md` names tests that exist, and all lines of the checklist.

const TABLE: &str = include_str!("../../CONFORMANCE.md");

/// The sources of the tests that the table may name.
const SOURCES: &[(&str, &str)] = &[
    ("calls.rs", include_str!("calls.rs")),
    ("conformance.rs", include_str!("conformance.rs")),
    ("golden.rs", include_str!("golden.rs")),
    ("hooks.rs", include_str!("hooks.rs")),
    ("hostile.rs", include_str!("hostile.rs")),
    ("limits.rs", include_str!("limits.rs")),
    ("repeats.rs", include_str!("repeats.rs")),
    ("systems.rs", include_str!("systems.rs")),
    ("tonic_host.rs", include_str!("tonic_host.rs")),
    ("wire.rs", include_str!("wire.rs")),
    ("message/tests.rs", include_str!("../../src/message/tests.rs")),
    ("status/tests.rs", include_str!("../../src/status/tests.rs")),
];

/// The tests of a row: each of its files is followed by names.
fn tests(row: &str) -> Vec<(&str, &str)> {
    let mut tests = Vec::new();
    for part in row.split(". ") {
        let Some((file, names)) = part
            .rsplit('|')
            .find(|it| it.contains(".rs: "))
            .and_then(|it| it.split_once(": "))
        else {
            continue;
        };
        tests.extend(
            names
                .split('`')
                .skip(1)
                .step_by(2)
                .map(|name| (file.trim(), name)),
        );
    }
    tests
}

#[test]
fn every_named_test_exists() {
    let mut count = 0;
    for (file, name) in TABLE.lines().flat_map(tests) {
        let source = SOURCES.iter().find(|(it, _)| *it == file);
        let (_, source) = source.unwrap_or_else(|| panic!("there is no file {file}"));
        assert!(
            source.contains(&format!("fn {name}(")),
            "{file} has no test {name}"
        );
        count += 1;
    }
    assert!(count > 30, "{count} tests are named");
}

#[test]
fn every_line_of_the_checklist_has_a_test() {
    for line in 1..=13 {
        let start = format!("| T{line} |");
        let row = TABLE.lines().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("T{line} is missing"));
        assert!(!tests(row).is_empty(), "T{line} names no test");
    }
}
