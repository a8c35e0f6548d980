//! What people get wrong in files, and what they are told. One file, one mistake, one snapshot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use squall::file::{self, ComponentNames, Report};
use squall::{Call, CallError, Harness, Site};

/// The components that the files may name, and what their settings have to be.
fn components() -> ComponentNames {
    let harness = Harness::new()
        .service("inventory", |_: Site, _: Stock| async { Ok::<(), String>(()) })
        .client("checkout", |_: Site, _: Call<Buy>| async {
            Ok::<(), CallError>(())
        });
    harness.component_names()
}

/// The settings of a service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only what it may be is of interest")]
struct Stock {
    pieces: u32,
}

/// The payload of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only what it may be is of interest")]
struct Buy {
    article: String,
    pieces: Option<u32>,
}

/// Relative to the package, as a person in that folder would name them: reports say the names as given.
fn files() -> Vec<PathBuf> {
    let folder = std::fs::read_dir("tests/mistakes").unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn report(path: &Path) -> Report {
    let checked = file::check(path, &components());
    checked.expect_err(&format!("{} has a mistake", path.display()))
}

#[test]
fn every_mistake_is_told_as_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/mistakes");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in files() {
        let rendered = file::render(&report(&path), false, 100);
        let name = path.file_stem().unwrap().to_str().unwrap();
        settings.bind(|| insta::assert_snapshot!(name, rendered));
    }
}

#[test]
fn every_mistake_has_a_place_in_its_file() {
    let files = files();
    assert!(files.len() >= 30, "only {} mistakes are tried", files.len());
    for path in files {
        let report = report(&path);
        let rendered = file::render(&report, false, 100);
        for mistake in report.mistakes() {
            let (line, column) = mistake.line_and_column().expect("a place");
            let place = format!("{}:{line}:{column}", mistake.file());
            assert!(rendered.contains(&place), "{place} is not in\n{rendered}");
            assert!(report.to_string().contains(&place));
        }
    }
}

#[test]
fn mistakes_are_told_without_colours_when_nobody_sees_them() {
    let report = report(Path::new("tests/mistakes/unknown_component.toml"));
    assert!(!file::render(&report, false, 100).contains('\u{1b}'));
    assert!(file::render(&report, true, 100).contains('\u{1b}'));
}

#[test]
fn no_snapshot_is_left_of_a_mistake_that_is_gone() {
    let names: Vec<String> = files()
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    for entry in std::fs::read_dir("../../snapshots/mistakes").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".snap") else {
            continue;
        };
        assert!(
            names.iter().any(|file| file == name),
            "snapshots/mistakes/{name}.snap has no file"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let report = report(Path::new("tests/no-such-file.toml"));
    assert!(
        report
            .to_string()
            .starts_with("tests/no-such-file.toml: cannot read"),
        "{report}"
    );
    assert_eq!(report.mistakes()[0].line_and_column(), None);
}
